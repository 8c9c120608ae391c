import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, jest } from "@jest/globals";
import { TestOrganism } from "../support/organism.ts";
import { writeFiles } from "../support/write-files.ts";

jest.setTimeout(60_000);

describe("mishaps", () => {
  let organism: TestOrganism;
  afterEach(() => organism?.down());

  const project = (files: Record<string, string>) => writeFiles(join(organism.folder, "project"), files);
  const living = (mark: string) =>
    organism.processes().filter((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(mark));

  it("restarts a service whose stop never ends", async () => {
    organism = await TestOrganism.create({ AZORA_EVENT_BUS_URL: "mesh" });
    await organism.up(
      project({
        // Its second life ends in peace, so that nobody waits for it at the end of this test.
        "services/clings.service.mjs": `export default { name: "clings", actions: { x: () => 1 },
          created() { globalThis.lives = (globalThis.lives ?? 0) + 1; },
          stopped: () => globalThis.lives === 1 ? new Promise(() => {}) : undefined };`,
      }),
    );
    const { status } = await organism.post("/orchestrator/restart/clings");
    expect(status).toBe(200);
    const caller = await organism.join();
    expect(await caller.call("clings.x")).toBe(1);
  });

  it("starts what a service makes in its created, and takes types that are imported like values", async () => {
    organism = await TestOrganism.create({ AZORA_EVENT_BUS_URL: "mesh" });
    await organism.up(
      project({
        "package.json": `{ "name": "typed", "type": "commonjs" }`,
        "services/maker.service.js": `module.exports = { name: "maker", started() { this.broker.createService({ name: "made", actions: { count: () => this.broker.services.filter((s) => s.name === "made").length } }); } };`,
        "services/outer.service.ts": `import { Context, ServiceSchema } from "moleculer";
          const schema: ServiceSchema = { name: "outer", created() { this.broker.createService({ name: "inner", actions: { y: (ctx: Context) => ctx.action!.name } }); } };
          export default schema;`,
      }),
    );
    const caller = await organism.join();
    expect(await caller.call("inner.y")).toBe("inner.y");
    // What it makes in its started goes with it, and is not doubled by a restart.
    await organism.post("/orchestrator/restart/maker");
    expect(await caller.call("made.count")).toBe(1);
  });

  it("leaves nothing of a program's children or a node's behind", async () => {
    organism = await TestOrganism.create({ AZORA_EVENT_BUS_URL: "mesh" });
    await organism.up(
      project({
        "services/forks.service.json": JSON.stringify({
          name: "forks",
          command: "bash",
          args: ["-c", "sleep 7001 & exec sleep 7002"],
        }),
        "services/spawns.service.mjs": `import { spawn } from "node:child_process"; export default { name: "spawns", started: () => { spawn("sleep", ["7003"]); } };`,
      }),
    );
    expect([living("7001").length, living("7003").length]).toEqual([1, 1]);
    await organism.post("/orchestrator/restart/forks");
    process.kill(await organism.pid("muscles-1"), "SIGKILL");
    await organism.until("healed", ({ healing }) => healing[0]?.success === true);
    await organism.untilHealthy();
    expect([living("7001").length, living("7003").length]).toEqual([1, 1]);
    await organism.cli("down");
    expect(organism.processes()).toEqual([]);
  });

  it("goes on commanding where the orchestrator's journal was lost", async () => {
    organism = await TestOrganism.create({ AZORA_EVENT_BUS_URL: "mesh" });
    await organism.up();
    for (let i = 0; i < 2; i++) {
      const { epoch } = await organism.status();
      if (i === 1) rmSync(join(organism.env["AZORA_DATA_DIR"]!, "orchestrator/journal.ndjson"));
      process.kill(await organism.pid("nervous-1"), "SIGKILL");
      await organism.until(
        "another life",
        (status) => status.status === "healthy" && (i === 1 || status.epoch > epoch),
      );
    }
    expect((await organism.post("/orchestrator/restart/ledger")).status).toBe(200);
    expect((await organism.status()).epoch).toBeGreaterThan(1);
  });

  it("stops everything at Ctrl-C in the midst of a launch", async () => {
    organism = await TestOrganism.create({ AZORA_EVENT_BUS_URL: "mesh" });
    const folder = project({
      "services/slow.service.mjs": `export default { name: "slow", started: () => new Promise((resolve) => setTimeout(resolve, 20000)) };`,
    });
    const up = organism.cliProcess("up", folder);
    const ended = new Promise((resolve) => up.once("exit", resolve));
    await organism.until("it is launching", ({ status }) => status === "launching");
    up.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(organism.processes()).toEqual([]);
  });

  it("finds its processes for the stop also where the run folder was removed", async () => {
    organism = await TestOrganism.create({ AZORA_EVENT_BUS_URL: "mesh" });
    await organism.up();
    rmSync(organism.runFolder, { recursive: true });
    const again = await organism.cli("up", "-d");
    expect(again).toMatchObject({ code: 1, err: expect.stringContaining("is taken by azora nervous-1") });
    expect((await organism.cli("down")).code).toBe(0);
    expect(organism.processes()).toEqual([]);
  });
});
