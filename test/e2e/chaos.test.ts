import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type { ServiceBroker } from "moleculer";
import type { ActiveFault } from "../../runtime/faults/faults.ts";
import { hasNats, TestOrganism } from "../support/organism.ts";
import { writeFiles } from "../support/write-files.ts";

jest.setTimeout(180_000);

interface Report {
  id: string;
  status: string;
  hypothesisHeld: boolean | null;
  stopped?: string;
  undone: string[];
  detectMs: number | null;
  calls: { failed: number };
  timeline: { at: number; what: string }[];
  rows: { experiment: string; held: boolean | null; restartedBeyond: number; note: string }[];
}

/** Waits for the end of a run; the orchestrator may be its victim. */
async function ended(organism: TestOrganism, id: string, timeout = 150_000): Promise<Report> {
  for (const end = Date.now() + timeout; ; ) {
    const report = await organism.get<Report>(`/orchestrator/chaos/reports/${id}`).catch(() => undefined);
    if (report?.status && report.status !== "running" && typeof report.id === "string") return report;
    if (Date.now() > end) throw new Error(`run ${id} did not end: ${JSON.stringify(report)}\n${organism.logTail()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A run may begin only some seconds after the last healing, and where breakers are closed. */
async function begin(organism: TestOrganism, body: object): Promise<string> {
  for (const end = Date.now() + 30_000; ; ) {
    const { status, body: answer } = await organism.post<{ id: string; detail: string }>(
      "/orchestrator/chaos/run",
      body,
    );
    if (status !== 200 && status !== 409) throw new Error(`${status}: ${answer.detail}`);
    if (status === 200) {
      for (;;) {
        const report = await organism.get<Report>(`/orchestrator/chaos/reports/${answer.id}`);
        if (report.status !== "running") break;
        if (report.timeline.length > 0 || "suite" in body) return answer.id;
      }
    }
    if (Date.now() > end) throw new Error(`it does not begin: ${answer.detail}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** A command that breaks something, as soon as something may be broken. */
async function cliWhenCalm(organism: TestOrganism, ...args: string[]) {
  for (const end = Date.now() + 30_000; ; ) {
    const outcome = await organism.cli("chaos", ...args);
    if (!outcome.err.includes("Nothing may be broken now") || Date.now() > end) return outcome;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

describe("chaos that is off", () => {
  let organism: TestOrganism;
  beforeAll(async () => {
    organism = await TestOrganism.create({ AZORA_EVENT_BUS_URL: "mesh" });
    await organism.up();
  });
  afterAll(() => organism.down());

  it("refuses to break anything, says how it is switched on, and has nothing in the nodes that could", async () => {
    const { status, body } = await organism.post("/orchestrator/chaos/run", { suite: "smoke" });
    expect(status).toBe(409);
    expect(body).toMatchObject({ code: "CHAOS_REFUSED", detail: expect.stringContaining("set AZORA_CHAOS=on") });
    const { code, err } = await organism.cli("chaos", "run", "kill-a-node");
    expect([code, err]).toEqual([1, expect.stringContaining("set AZORA_CHAOS=on")]);
    const { out } = await organism.cli("chaos", "list");
    expect(out).toContain("chaos is off");
    const caller = await organism.join();
    await expect(caller.call("node-faults.active")).rejects.toMatchObject({ type: "SERVICE_NOT_FOUND" });
  });
});

describe("the smoke suite", () => {
  let organism: TestOrganism;
  beforeAll(async () => {
    organism = await TestOrganism.create({ AZORA_CHAOS: "on", ...(hasNats() ? {} : { AZORA_EVENT_BUS_URL: "mesh" }) });
    await organism.up();
    await organism.untilHealthy();
  });
  afterAll(() => organism.down());

  it("holds: each fault is healed without a person, and no healthy service is restarted", async () => {
    const report = await ended(organism, await begin(organism, { suite: "smoke", seed: 1 }));
    const untested = hasNats() ? [] : ["kill-nats"];
    const wrong = report.rows.filter(({ held, experiment }) => !held && !untested.includes(experiment));
    expect(wrong).toEqual([]);
    expect(report).toMatchObject({ status: "done", hypothesisHeld: true });
    expect(report.rows).toHaveLength(13);
    expect(report.rows.filter(({ restartedBeyond }) => restartedBeyond > 0)).toEqual([]);
    await organism.untilHealthy();
  });
});

describe("chaos in a project", () => {
  let organism: TestOrganism;
  let caller: ServiceBroker;
  const experiment = (name: string, more: object = {}) =>
    JSON.stringify({
      name,
      description: "The till fails.",
      steadyState: {
        hypothesis: "Nobody notices.",
        checks: [
          { kind: "call", action: "till.read", within: 1000, every: 50, failuresAllowed: 0 },
          { kind: "healthy-within", ms: 8000 },
        ],
      },
      fault: { kind: "fail-calls", target: { service: "till" } },
      blastRadius: { services: 0, nodes: 0 },
      duration: 30_000,
      stop: [{ kind: "calls-failed", more: 3 }],
      ...more,
    });

  beforeAll(async () => {
    organism = await TestOrganism.create({ AZORA_CHAOS: "on", AZORA_EVENT_BUS_URL: "mesh" });
    const project = writeFiles(join(organism.folder, "project"), {
      "package.json": "{}",
      "services/heart/till.service.cjs": `module.exports = { name: "till", actions: { read: { idempotent: true, handler: () => 7 } } };`,
      // Needs the till, says so; needs the ads softly, says nothing; says that it needs the clock, and does not.
      "services/lungs/shop.service.cjs": `module.exports = { name: "shop", dependencies: ["till", "clock"], actions: {
        sell: async (ctx) => [await ctx.call("till.read"), await ctx.call("ads.read").catch(() => "none")] } };`,
      "services/brain/ads.service.cjs": `module.exports = { name: "ads", actions: { read: { idempotent: true, handler: () => "buy" } } };`,
      "services/brain/clock.service.cjs": `module.exports = { name: "clock", actions: { read: { idempotent: true, handler: () => 12 } } };`,
      "chaos/till-fails.json": experiment("till-fails"),
      "chaos/till-is-cut-off.json": experiment("till-is-cut-off", {
        fault: { kind: "fail-calls", target: { service: "till" }, share: 0.001 },
        stop: [],
      }),
      "chaos/heart-dies.json": experiment("heart-dies", {
        fault: { kind: "kill-node", target: "any-heart" },
        duration: 15_000,
        stop: [],
      }),
      "chaos/broken.json": experiment("broken", { duration: -5 }),
    });
    await organism.up(project);
    await organism.untilHealthy();
    caller = await organism.join();
  });
  afterAll(() => organism.down());

  const activeOn = (node: string) => caller.call("node-faults.active", {}, { nodeID: node }) as Promise<ActiveFault[]>;

  it("names a file that cannot be used with field, value and what is allowed", async () => {
    const { out } = await organism.cli("chaos", "list");
    expect(out).toMatch(/broken\.json: duration is -5: a whole number from 250/);
    const { code, err } = await organism.cli("chaos", "run", "til-fails");
    expect([code, err]).toEqual([1, expect.stringContaining("did you mean till-fails?")]);
  });

  it("undoes a run at once that meets its stop condition, and ends with exit code 1", async () => {
    const { code, out, err } = await cliWhenCalm(organism, "run", "till-fails", "--seed", "7");
    expect([code, err]).toEqual([1, ""]);
    expect(out).toMatch(/stopped: \d+ calls have failed, and 3 may/);
    expect(await caller.call("till.read")).toBe(7);
    const { out: json } = await organism.cli("chaos", "report", "last", "--json");
    const report: Report = JSON.parse(json);
    expect(report).toMatchObject({ status: "stopped", undone: ["heart-1: fail-calls: undone"] });
    const at = (what: string) => report.timeline.find((entry) => entry.what.startsWith(what))!.at;
    expect(at("undone") - at("fault")).toBeLessThan(10_000);
  });

  it("runs one at a time, and stops on command", async () => {
    const id = await begin(organism, { experiment: "till-is-cut-off" });
    const { status, body } = await organism.post("/orchestrator/chaos/run", { experiment: "till-fails" });
    expect([status, body]).toEqual([
      409,
      expect.objectContaining({ detail: expect.stringContaining("running already") }),
    ]);
    expect((await organism.cli("chaos", "stop")).out).toContain(id);
    expect(await ended(organism, id)).toMatchObject({ status: "stopped", stopped: "it was stopped by the operator" });
    expect(await activeOn("heart-1")).toEqual([]);
  });

  it("finds the hard edge that is soft in truth, and the one that nobody declares", async () => {
    const args = ["--each", "700", "--call", "shop.sell", "--json"];
    const { code, out, err } = await cliWhenCalm(organism, "dependencies", ...args);
    expect(err).toBe("");
    const { findings } = JSON.parse(out) as {
      findings: { from: string; to: string; observed: string; verdict: string }[];
    };
    expect(findings.map(({ from, to, observed, verdict }) => `${from} ${to}: ${observed}: ${verdict}`).sort()).toEqual([
      "shop ads: unharmed: undeclared soft edge",
      "shop clock: unharmed: hard edge that is soft in truth",
      "shop till: failed: ",
    ]);
    expect(code).toBe(1);
  });

  it("loses no call that may be repeated where the service has another instance", async () => {
    await organism.post("/orchestrator/scale/heart", { replicas: 2 });
    const id = await begin(organism, { experiment: "heart-dies", seed: 2 });
    const report = await ended(organism, id);
    expect(report).toMatchObject({ status: "done", hypothesisHeld: true, calls: { failed: 0 }, lost: 0 });
    expect(report.detectMs).toBeLessThan(3000);
    await organism.post("/orchestrator/scale/heart", { replicas: 1 });
  });

  it("survives the death of the node from which it is run: the fault ends by itself, and the run is told as interrupted", async () => {
    const id = await begin(organism, { experiment: "till-is-cut-off" });
    while ((await activeOn("heart-1")).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    process.kill(await organism.pid("immune-1"), "SIGKILL");
    const start = Date.now();
    while ((await activeOn("heart-1")).length > 0 && Date.now() - start < 10_000)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(Date.now() - start).toBeLessThan(10_000);
    await organism.untilHealthy();
    expect(await ended(organism, id)).toMatchObject({ status: "interrupted", hypothesisHeld: null });
  });
});
