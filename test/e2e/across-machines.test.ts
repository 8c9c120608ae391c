import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, jest } from "@jest/globals";
import { freePort } from "../../runtime/free-port.ts";
import { describeWith } from "../support/needs.ts";
import { ORGANS_FIXTURE, TestOrganism } from "../support/organism.ts";

jest.setTimeout(60_000);

/** Another machine is another process without the mesh: the two share nothing but the bus. */
describeWith("nats-server", "a node of another machine", () => {
  let organism: TestOrganism;
  let nats: ChildProcess;
  let elsewhere: string;
  let child: ChildProcess | undefined;
  let url: string;

  beforeAll(async () => {
    const port = await freePort();
    url = `nats://azora:secret@127.0.0.1:${port}`;
    nats = spawn("nats-server", ["-a", "127.0.0.1", "-p", String(port), "--user", "azora", "--pass", "secret"], {
      stdio: "ignore",
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
    });
    organism = await TestOrganism.create({ AZORA_EVENT_BUS_URL: url });
    elsewhere = mkdtempSync(join(tmpdir(), "azora-elsewhere-"));
    await organism.up();
  });
  afterAll(async () => {
    if (child?.exitCode === null) child.kill("SIGINT");
    await organism.down();
    nats.kill();
    rmSync(elsewhere, { recursive: true, force: true });
  });

  function joinFrom(host: string): ChildProcess {
    const { AZORA_EVENT_BUS_URL: _bus, ...env } = organism.env;
    const node = join(import.meta.dirname, "../../node_modules/.bin/node");
    const bin = join(import.meta.dirname, "../../bin/azora.mjs");
    return spawn(node, [bin, "node", "heart", ORGANS_FIXTURE, "--bus", url, "--host", host], {
      cwd: elsewhere,
      env: {
        ...env,
        AZORA_DATA_DIR: join(elsewhere, "data"),
        AZORA_LOG_DIR: join(elsewhere, "logs"),
        FIXTURE_LEDGER: join(elsewhere, "ledger.txt"),
      },
      stdio: "ignore",
    });
  }

  it("is shown, gets its organ's services but no singleton, and answers calls", async () => {
    child = joinFrom("other");
    const status = await organism.until("heart-1@other up with its services", ({ nodes }) =>
      nodes.some((node) => node.id === "heart-1@other" && node.status === "up"),
    );
    expect(status.nodes.find(({ id }) => id === "heart-1@other")).toMatchObject({ organ: "heart" });
    const find = () => organism.get<{ instances: { node: string; status: string }[] }>("/orchestrator/services/ledger");
    while ((await find()).instances.find(({ node }) => node === "heart-1@other")?.status !== "healthy")
      await new Promise((resolve) => setTimeout(resolve, 20));
    const vault = await organism.get<{ instances: { node: string }[] }>("/orchestrator/services/vault");
    expect(vault.instances.map(({ node }) => node)).toEqual(["heart-1"]);
    const caller = await organism.join();
    // A newcomer gets its share little by little, and once the others are busy.
    const pids = new Set<unknown>();
    for (const end = Date.now() + 20_000; pids.size < 2 && Date.now() < end; )
      for (const pid of await Promise.all(Array.from({ length: 100 }, () => caller.call("ledger.read")))) pids.add(pid);
    expect(pids.size).toBe(2);

    // It leaves in peace: what it carried is no longer expected of it, and nobody starts its process.
    const gone = new Promise((resolve) => child!.once("exit", resolve));
    child.kill("SIGINT");
    expect(await gone).toBe(0);
    await organism.until("heart-1@other down", ({ nodes }) =>
      nodes.some((node) => node.id === "heart-1@other" && node.status === "down"),
    );
    await new Promise((resolve) => setTimeout(resolve, 500));
    const after = await organism.status();
    expect(after.status).toBe("healthy");
    expect(after.healing).toEqual([]);
    expect((await find()).instances.map(({ node }) => node)).toEqual(["heart-1"]);
  });

  it("refuses an unknown organ and a missing bus as wrong usage", async () => {
    const unknown = await organism.cli("node", "hart", "--bus", url);
    expect(unknown).toMatchObject({ code: 2, err: expect.stringContaining("did you mean heart?") });
    const { AZORA_EVENT_BUS_URL: _bus, ...env } = organism.env;
    Object.assign(organism.env, env);
    delete organism.env["AZORA_EVENT_BUS_URL"];
    const missing = await organism.cli("node", "heart");
    expect(missing).toMatchObject({ code: 2, err: expect.stringContaining("--bus is missing") });
  });
});
