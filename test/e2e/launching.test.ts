import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, jest } from "@jest/globals";
import { ORGANS_FIXTURE, TestOrganism } from "../support/organism.ts";
import { writeFiles } from "../support/write-files.ts";

jest.setTimeout(60_000);

describe("launching", () => {
  let organism: TestOrganism;
  afterEach(() => organism?.down());

  /** Writes services into a folder of the organism's. */
  const services = (files: Record<string, string>) => writeFiles(join(organism.folder, "project"), files);

  it("refuses everything that is wrong at once, before anything starts, each with file, field and remedy", async () => {
    organism = await TestOrganism.create({ AZORA_EVENT_BUS_URL: "mesh" });
    const folder = services({
      "services/a.service.js": `module.exports = { name: "a", dependencies: ["b"], metadata: { launchPhase: 9 } };`,
      "services/b.service.js": `module.exports = { name: "b", dependencies: ["a"] };`,
      "services/c.service.js": `module.exports = { name: "c", dependencies: ["bb", "late"], metadata: { launchPhase: 1 } };`,
      "services/late.service.js": `module.exports = { name: "late", metadata: { launchPhase: 6 } };`,
      "services/twin.service.js": `module.exports = { name: "late" };`,
      "services/broken.service.js": `module.exports = {`,
      "services/bad.service.json": `{ "name": "bad", "port": 99999 }`,
    });
    const { code, err } = await organism.cli("up", "-d", folder);
    expect(code).toBe(1);
    for (const part of [
      /a\.service\.js\s+metadata\.launchPhase is 9\s+must be a whole number from 0 to 6/,
      /dependencies form a cycle: a → b → a/,
      /names "bb", which is not in the folder\s+did you mean "b"\?/,
      /"c" \(phase 1\) needs "late", which is launched later \(phase 6\)/,
      /name is "late", as in services?\/?.*late\.service\.js|twin\.service\.js\s+name is "late"/,
      /broken\.service\.js\s+file does not load/,
      /bad\.service\.json\s+command is missing/,
      /port is 99999\s+must be a port from 1 to 65535/,
    ]) {
      expect(err).toMatch(part);
    }
    expect(organism.processes()).toEqual([]);
  });

  it("names every wrong setting with its value and what is allowed", async () => {
    organism = await TestOrganism.create({ AZORA_HEALTH_INTERVAL: "soon", AZORA_DB_URL: "postgresql://u:secret@h/x" });
    const { code, err } = await organism.cli("up", "-d", ORGANS_FIXTURE);
    expect(code).toBe(2);
    expect(err).toContain('AZORA_HEALTH_INTERVAL is "soon", but must be a whole number from 50 to 3600000');
    expect(err).toMatch(/AZORA_DB_URL is "postgresql:\/\/…@h\/x", but must be a URL with mongodb/);
    expect(err).not.toContain("secret");
  });

  it("names who holds a taken port, and the variable to set", async () => {
    organism = await TestOrganism.create({ AZORA_EVENT_BUS_URL: "mesh" });
    const { createServer } = await import("node:net");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(organism.port, "127.0.0.1", resolve));
    try {
      const { code, err } = await organism.cli("up", "-d", ORGANS_FIXTURE);
      expect(code).toBe(1);
      expect(err).toMatch(
        new RegExp(`port ${organism.port} is taken by .*pid ${process.pid}.*set AZORA_ORCHESTRATOR_PORT`),
      );
    } finally {
      server.close();
    }
  });

  it("goes on with the rest where a service does not start, quarantines it after its attempts, and releases it", async () => {
    organism = await TestOrganism.create({
      AZORA_EVENT_BUS_URL: "mesh",
      AZORA_HEALING_TIME_SCALE: "0.001",
      AZORA_DEFAULT_MAX_RESTART_ATTEMPTS: "3",
      AZORA_CIRCUIT_BREAKER_RESET_TIMEOUT: "3600000",
    });
    const switchFile = join(organism.folder, "works");
    const folder = services({
      "services/broken.service.mjs": `import { existsSync } from "node:fs";
        export default { name: "broken", started() { if (!existsSync(${JSON.stringify(switchFile)})) throw new Error("no fuel"); } };`,
      "services/needy.service.mjs": `export default { name: "needy", dependencies: ["broken"] };`,
      "services/fine.service.mjs": `export default { name: "fine", actions: { hello: () => "hi" } };`,
    });
    await organism.cli("up", "-d", folder);
    const status = await organism.until("broken in quarantine", ({ services }) => services["quarantined"] === 1);
    expect(status.status).toBe("degraded");
    const broken = await organism.get<{ status: string; why: string }>("/orchestrator/services/broken");
    expect(broken).toMatchObject({ status: "quarantined", why: expect.stringContaining("no fuel") });
    const needy = await organism.get<{ status: string; why: string }>("/orchestrator/services/needy");
    expect(needy).toMatchObject({ status: "waiting", why: "waiting for broken (quarantined)" });
    expect(await organism.get("/orchestrator/services/fine")).toMatchObject({ status: "healthy" });
    // What never started can be stopped at once, and tried again, all the same.
    const stopped = await organism.post<{ duration: number }>("/orchestrator/stop/broken");
    expect(stopped).toMatchObject({ status: 200, body: { status: "stopped" } });
    expect((await organism.post("/orchestrator/start/broken")).body).toMatchObject({ status: "quarantined" });
    writeFileSync(switchFile, "");
    const { status: code } = await organism.post("/orchestrator/release/broken");
    expect(code).toBe(200);
    await organism.untilHealthy();
  });

  it("says what a start waits for while it waits, and marks a start that takes too long", async () => {
    organism = await TestOrganism.create({ AZORA_EVENT_BUS_URL: "mesh", AZORA_DEFAULT_STARTUP_TIMEOUT: "1200" });
    const folder = services({
      "services/slow.service.mjs": `export default { name: "slow", started: () => new Promise((resolve) => setTimeout(resolve, 2500)) };`,
      "services/waits.service.mjs": `export default { name: "waits", dependencies: ["slow"] };`,
    });
    const up = organism.cli("up", "-d", folder);
    await organism.until("slow starting", ({ why }) => why.includes("slow"));
    let why = "";
    while (!/^waiting for slow \((starting, \d\.\d s|timeout)\)$/.test(why))
      why = (await organism.get<{ why: string }>("/orchestrator/services/waits")).why;
    await organism.until("slow timed out", ({ services }) => services["timeout"] === 1);
    await up;
    await organism.untilHealthy();
  });

  it("restarts a changed service alone, in its process, while developing", async () => {
    organism = await TestOrganism.create({ AZORA_EVENT_BUS_URL: "mesh" });
    const folder = services({
      "services/word.service.mjs": `import { word } from "./lib/word.mjs"; export default { name: "word", actions: { say: () => word } };`,
      "services/lib/word.mjs": `export const word = "old";`,
      "services/other.service.mjs": `export default { name: "other" };`,
    });
    const { code } = await organism.cli("up", "-d", "--dev", folder);
    expect(code).toBe(0);
    const caller = await organism.join();
    expect(await caller.call("word.say")).toBe("old");
    const before = await organism.get<{ instances: { pid: number; incarnation: number }[] }>(
      "/orchestrator/services/word",
    );
    const start = Date.now();
    services({ "services/word.service.mjs": `export default { name: "word", actions: { say: () => "new" } };` });
    while ((await caller.call("word.say").catch(() => "")) !== "new" && Date.now() - start < 5000)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await caller.call("word.say")).toBe("new");
    const after = await organism.get<{ instances: { pid: number; incarnation: number }[] }>(
      "/orchestrator/services/word",
    );
    expect(after.instances[0]!.pid).toBe(before.instances[0]!.pid);
    expect(after.instances[0]!.incarnation).toBeGreaterThan(before.instances[0]!.incarnation);
    expect(await organism.get<{ instances: unknown[] }>("/orchestrator/services/other")).toMatchObject({
      instances: [{ incarnation: 1 }],
    });
  });

  it("stops at Ctrl-C in the foreground: calls in flight finish, and no process is left", async () => {
    organism = await TestOrganism.create({ AZORA_EVENT_BUS_URL: "mesh" });
    const up = organism.cliProcess("up", ORGANS_FIXTURE);
    let out = "";
    up.stdout!.on("data", (chunk) => {
      out += chunk;
    });
    await organism.untilHealthy();
    const caller = await organism.join();
    const slow = caller.call("ledger.slow", { ms: 1500 }, { timeout: 0 });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const ended = new Promise((resolve) => up.once("exit", resolve));
    up.kill("SIGINT");
    expect(await slow).toBe("done");
    expect(await ended).toBe(0);
    expect(out).toContain("everything is stopped");
    expect(organism.processes()).toEqual([]);
  });

  it("kills what does not stop by itself", async () => {
    organism = await TestOrganism.create({ AZORA_EVENT_BUS_URL: "mesh" });
    const folder = services({
      "services/stubborn.service.mjs": `export default { name: "stubborn", stopped: () => { const end = Date.now() + 60000; while (Date.now() < end); } };`,
      "services/mule.service.json": JSON.stringify({
        name: "mule",
        command: process.execPath,
        args: ["-e", "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"],
      }),
    });
    await organism.up(folder);
    const { code } = await organism.cli("down");
    expect(code).toBe(0);
    expect(organism.processes()).toEqual([]);
  });

  it("takes over what runs when it is started a second time, and refuses another folder", async () => {
    organism = await TestOrganism.create({ AZORA_EVENT_BUS_URL: "mesh" });
    await organism.up();
    const before = await organism.status();
    const again = await organism.up();
    expect(again).toContain("were running already");
    expect((await organism.status()).nodes.map(({ pid }) => pid)).toEqual(before.nodes.map(({ pid }) => pid));
    const { code, err } = await organism.cli(
      "up",
      "-d",
      services({ "services/x.service.js": `module.exports = { name: "x" };` }),
    );
    expect(code).toBe(1);
    expect(err).toContain("azora down");
  });
});
