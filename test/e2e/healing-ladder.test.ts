import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import type { HealingRecord } from "../../models/healing.ts";
import { TestOrganism } from "../support/organism.ts";
import { writeFiles } from "../support/write-files.ts";

jest.setTimeout(60_000);

interface ServiceView {
  status: string;
  why: string;
  instances: { node: string; incarnation: number; status: string }[];
}

describe("a service that falls ill", () => {
  let organism: TestOrganism;
  const service = (name: string) => organism.get<ServiceView>(`/orchestrator/services/${name}`);
  const records = (name: string) =>
    organism
      .get<HealingRecord[]>("/orchestrator/healing-history")
      .then((all) => all.filter(({ target }) => target.service === name));
  const makeIll = (name: string) => writeFileSync(join(organism.folder, `ill-${name}`), "");
  const cure = (name: string) => rmSync(join(organism.folder, `ill-${name}`), { force: true });
  const until = async (what: string, condition: () => Promise<boolean>): Promise<void> => {
    const end = Date.now() + 20_000;
    while (!(await condition().catch(() => false))) {
      if (Date.now() > end) throw new Error(`not within 20 s: ${what}\n${organism.logTail()}`);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  };

  /** A service that is ill while a file with its name is there; `mends` is what brings it back. */
  const patient = (name: string, more = "", mends = "") => `import { existsSync } from "node:fs";
    const ill = () => existsSync(${JSON.stringify(join(organism.folder, `ill-${name}`))});
    export default { name: "${name}", ${more}
      actions: {
        hello: { idempotent: true, handler: () => "hello from ${name}" },
        health: () => (ill() ? { status: "unhealthy", checks: { pump: "stuck" } } : { status: "healthy", checks: {} }),
      },
      ${mends}
    };`;

  beforeEach(async () => {
    organism = await TestOrganism.create({
      AZORA_EVENT_BUS_URL: "mesh",
      AZORA_HEALTH_INTERVAL: "100",
      AZORA_HEALING_TIME_SCALE: "0.002",
      AZORA_CIRCUIT_BREAKER_RESET_TIMEOUT: "3600000",
    });
  });
  afterEach(() => organism.down());

  it("climbs the ladder to quarantine: callers are told at once, dependents degrade, a new orchestrator knows, release ends it", async () => {
    const folder = writeFiles(join(organism.folder, "project"), {
      "services/heart/pump.service.mjs": patient("pump"),
      "services/lungs/user.service.mjs": `export default { name: "user", dependencies: ["pump"], actions: {
        ask: (ctx) => ctx.call("pump.hello").catch(({ type, code, data }) => ({ type, code, retryAfter: data?.retryAfter })) } };`,
      "services/heart/bystander.service.mjs": patient("bystander"),
    });
    await organism.up(folder);
    const caller = await organism.join();
    const bystander = (await service("bystander")).instances[0]!.incarnation;
    makeIll("pump");
    await until("pump in quarantine", async () => (await service("pump")).status === "quarantined");
    const acts = (await records("pump")).reverse();
    expect(acts.map(({ action, success }) => [action, success])).toEqual([
      ["restart-in-place", false],
      ["restart-in-place", false],
      ["restart-in-place", false],
      ["graceful-restart", false],
      ["graceful-restart", false],
      ["dependency-restart", false],
      ["dependency-restart", false],
      ["quarantine", false],
    ]);
    expect(new Set(acts.map((one) => one.case)).size).toBe(1);
    expect(acts[3]!.decision).toMatchObject({
      chosen: "graceful-restart",
      alternatives: expect.arrayContaining([{ action: "restart-in-place", why: "it was tried, and did not last" }]),
    });
    await until(
      "callers know",
      async () => (await caller.call<{ type: string }>("user.ask")).type === "SERVICE_QUARANTINED",
    );
    const since = Date.now();
    expect(await caller.call("user.ask")).toEqual({
      type: "SERVICE_QUARANTINED",
      code: 503,
      retryAfter: expect.any(Number),
    });
    expect(Date.now() - since).toBeLessThan(950);
    expect(await service("user")).toMatchObject({ status: "degraded", why: "its dependency pump is in quarantine" });
    expect((await service("bystander")).instances[0]!.incarnation).toBe(bystander);

    const { epoch, nodes } = await organism.status();
    process.kill(nodes.find(({ id }) => id === "nervous-1")!.pid, "SIGKILL");
    await organism.until("a new orchestrator", (status) => status.epoch > epoch && status.launch.done);
    await until("it still is", async () => (await service("pump")).status === "quarantined");
    expect((await records("pump")).length).toBeGreaterThanOrEqual(8);
    cure("pump");
    expect(await organism.post("/orchestrator/release/pump")).toMatchObject({ body: { status: "healthy" } });
    await organism.untilHealthy();
    expect(await caller.call("user.ask")).toBe("hello from pump");
  });

  it("whose dependency is down waits for it instead of being restarted", async () => {
    const ill = JSON.stringify(join(organism.folder, "ill-source"));
    const folder = writeFiles(join(organism.folder, "project"), {
      "services/heart/source.service.mjs": patient(
        "source",
        `metadata: { healing: { backoff: [0, 60000000], jitter: 0 } },`,
      ),
      "services/lungs/tap.service.mjs": `import { existsSync } from "node:fs";
        export default { name: "tap", dependencies: ["source"], actions: {
          health: () => (existsSync(${ill}) ? { status: "unhealthy", checks: { water: "none" } } : { status: "healthy", checks: {} }) } };`,
    });
    await organism.up(folder);
    const before = (await service("tap")).instances[0]!.incarnation;
    makeIll("source");
    await until("tap waits", async () => (await service("tap")).why.includes("it waits for source"));
    cure("source");
    await organism.post("/orchestrator/restart/source");
    await organism.untilHealthy();
    expect((await service("tap")).instances[0]!.incarnation).toBe(before);
    const [record] = await records("tap");
    expect(record).toMatchObject({
      failure: "dependency down",
      action: "wait",
      success: true,
      reason: "it recovered by itself once the cause was gone",
    });
  });

  it("is given up early where its metadata says so, and tried again by itself", async () => {
    const folder = writeFiles(join(organism.folder, "project"), {
      "services/heart/pump.service.mjs": patient(
        "pump",
        `metadata: { healing: { attempts: 1, trialEvery: 300000, jitter: 0 } },`,
      ),
    });
    await organism.up(folder);
    makeIll("pump");
    await until("pump in quarantine", async () => (await service("pump")).status === "quarantined");
    expect((await service("pump")).why).toMatch(/given up after 1 attempts; the next trial is in \d/);
    cure("pump");
    await organism.untilHealthy();
    const [record] = await records("pump");
    expect(record).toMatchObject({ action: "trial", success: true });
  });

  it("together with most of its node has one cause: the process is restarted once, and nobody one by one", async () => {
    const shared = JSON.stringify(join(organism.folder, "ill-node"));
    const one = (name: string) => `import { existsSync } from "node:fs";
      export default { name: "${name}", actions: {
        health: () => (existsSync(${shared}) ? { status: "unhealthy", checks: { memory: "torn" } } : { status: "healthy", checks: {} }) } };`;
    const folder = writeFiles(join(organism.folder, "project"), {
      "services/heart/a.service.mjs": one("a"),
      "services/heart/b.service.mjs": one("b"),
      "services/heart/c.service.mjs": one("c"),
      "services/lungs/other.service.mjs": patient("other"),
    });
    await organism.up(folder);
    const { pid } = await organism.node("heart-1");
    makeIll("node");
    await organism.until("heart-1 down", ({ nodes }) => nodes.find(({ id }) => id === "heart-1")?.pid !== pid);
    cure("node");
    await organism.untilHealthy();
    const history = await organism.get<HealingRecord[]>("/orchestrator/healing-history");
    const act = history.find(({ target, success }) => target.node === "heart-1" && success)!;
    expect(act).toMatchObject({ failure: "unhealthy", action: "restart-process" });
    expect(act.evidence![0]).toBe("3 of 3 services of heart-1 failed together");
    expect(readFileSync(join(organism.folder, "logs/orchestrator/orchestrator.log"), "utf8")).toContain(
      "a mass failure",
    );
  });
});
