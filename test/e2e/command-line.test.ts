import { execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { TestOrganism } from "../support/organism.ts";

jest.setTimeout(60_000);

describe("the command line", () => {
  let organism: TestOrganism;

  beforeAll(async () => {
    organism = await TestOrganism.create({ AZORA_EVENT_BUS_URL: "mesh" });
    await organism.up();
    await organism.untilHealthy();
  });
  afterAll(() => organism.down());

  it("shows nodes and services as tables, and as JSON", async () => {
    const { code, out } = await organism.cli("status");
    expect(code).toBe(0);
    expect(out).toMatch(/● healthy {2}19 of 19 services up on 9 nodes/);
    expect(out).toMatch(/heart-1\s+● up\s+\d+/);
    expect(out).toMatch(/v2\.guard\s+● healthy\s+1\s+immune-2/);
    const json = JSON.parse((await organism.cli("status", "--json")).out);
    expect(json).toMatchObject({ status: "healthy", registry: expect.any(Array) });
  });

  it("says why, of a service and of a node", async () => {
    const service = await organism.cli("why", "crane");
    expect(service.out).toContain("crane is ● healthy: its instance is healthy");
    expect(service.out).toContain("needs judge");
    expect((await organism.cli("why", "heart-1")).out).toContain("heart-1 is ● up");
    const unknown = await organism.cli("why", "crans");
    expect(unknown).toMatchObject({ code: 1, err: expect.stringContaining("did you mean crane?") });
  });

  it("stops, starts, restarts, reloads and scales, and says what came of it", async () => {
    expect((await organism.cli("stop", "mill")).out).toMatch(
      /mill ○ stopped after \d+ ms: it was stopped by the operator/,
    );
    expect((await organism.status()).services).toMatchObject({ stopped: 1 });
    expect((await organism.cli("start", "mill")).out).toMatch(/mill ● healthy after \d+ ms/);
    expect((await organism.cli("restart", "mill")).out).toMatch(/mill ● healthy after \d+ ms/);
    expect((await organism.cli("reload", "stomach-1")).out).toMatch(/stomach-1 ● up after \d+ ms/);
    expect((await organism.cli("scale", "heart", "2")).out).toMatch(
      /heart runs on heart-1, heart-2 after \d+ ms\nleft on one node.*: vault/,
    );
    expect((await organism.cli("scale", "heart", "1")).out).toMatch(/heart runs on heart-1 after/);
    expect((await organism.cli("restart", "nervous-1")).err).toContain("carries the orchestrator itself");
  });

  it("remembers what the operator stopped when the orchestrator dies", async () => {
    await organism.cli("stop", "mill");
    const { epoch } = await organism.status();
    process.kill(await organism.pid("nervous-1"), "SIGKILL");
    await organism.until(
      "a new epoch",
      (status) => status.epoch > epoch && status.services["healthy"] === status.services["total"]! - 1,
    );
    expect((await organism.status()).services).toMatchObject({ stopped: 1 });
    await organism.cli("start", "mill");
  });

  it("shows logs of all nodes, of one, and of one request", async () => {
    const all = await organism.cli("logs", "-n", "5000");
    expect(all.out).toContain("Service 'ledger' started");
    const one = await organism.cli("logs", "lungs-1");
    expect(one.out).toContain("door");
    expect(one.out).not.toContain("heart-1/");
    const caller = await organism.join();
    await caller.call("ledger.nonsense", {}, { requestID: "request-17" }).catch(() => {});
    expect((await organism.cli("logs", "-n", "many")).code).toBe(2);
    const follow = organism.cliProcess("logs", "-f");
    let seen = "";
    follow.stdout!.on("data", (chunk) => {
      seen += chunk;
    });
    while (!seen.includes("started")) await new Promise((resolve) => setTimeout(resolve, 50));
    follow.kill();
  });

  it("examines the machine", async () => {
    const { code, out } = await organism.cli("doctor");
    expect(code).toBe(0);
    for (const part of [
      /✔ machine/,
      /✔ node\s+v24/,
      /✔ port\s+\d+ is held by azora nervous-1/,
      /✔ bus\s+the mesh/,
      /✔ documents/,
      /✔ disk/,
      /✔ clock/,
      /✔ keys/,
      /✔ organism\s+healthy/,
    ]) {
      expect(out).toMatch(part);
    }
  });

  it("opens a console inside the organism", async () => {
    const repl = spawn(
      join(import.meta.dirname, "../../node_modules/.bin/node"),
      [join(import.meta.dirname, "../../bin/azora.mjs"), "repl"],
      {
        cwd: organism.folder,
        env: organism.env,
        stdio: ["pipe", "pipe", "pipe"],
      },
    );
    let out = "";
    repl.stdout!.on("data", (chunk) => {
      out += chunk;
    });
    const say = async (line: string, answer: RegExp) => {
      repl.stdin!.write(`${line}\n`);
      const end = Date.now() + 20_000;
      while (!answer.test(out) && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 30));
      expect(out).toMatch(answer);
    };
    while (!out.includes("azora $")) await new Promise((resolve) => setTimeout(resolve, 30));
    await say("call door.knock", /come in/);
    await say("why crane", /crane is healthy/);
    await say("organism", /"status": "healthy"/);
    await say("restart crane", /"target": "crane"/);
    repl.kill("SIGKILL");
  });

  it("tells wrong usage apart from failure", async () => {
    expect(await organism.cli("statsu")).toMatchObject({
      code: 2,
      err: expect.stringContaining("did you mean status?"),
    });
    expect((await organism.cli("scale", "heart")).code).toBe(2);
    expect((await organism.cli("status", "--colour")).code).toBe(2);
    expect((await organism.cli("up", "/nowhere")).code).toBe(1);
    expect((await organism.cli("--version")).out.trim()).toMatch(/^\d+\.\d+\.\d+$/);
    expect((await organism.cli("help")).code).toBe(0);
    const elsewhere = await TestOrganism.create();
    expect(await elsewhere.cli("status")).toMatchObject({ code: 1, err: expect.stringContaining("azora up") });
    expect(await elsewhere.cli("down")).toMatchObject({ code: 0, out: expect.stringContaining("nothing is running") });
    await elsewhere.down();
  });

  it("keeps a token out of what others can see", () => {
    const pid = organism.spinePid();
    const seen = execFileSync("ps", ["-p", String(pid), "-o", "args="]).toString();
    expect(seen).not.toContain(organism.token);
  });
});
