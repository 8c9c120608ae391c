import { beforeEach, describe, expect, test } from "@jest/globals";
import type { HealingRecord } from "../../../models/healing.ts";
import { Advice } from "../../../services/nervous/master-orchestrator/healing/advice.ts";
import { HealingLog } from "../../../services/nervous/master-orchestrator/healing/healing-log.ts";
import { NODE_POLICY, servicePolicy } from "../../../services/nervous/master-orchestrator/healing/policy.ts";
import { Restarts } from "../../../services/nervous/master-orchestrator/healing/restarts.ts";
import { instanceKey } from "../../../services/nervous/master-orchestrator/instance-outcomes.ts";
import { emptyState, fold, type JournalRecord } from "../../../services/nervous/master-orchestrator/journal-state.ts";
import type { KeeperContext } from "../../../services/nervous/master-orchestrator/keeper-context.ts";
import { OrganismState } from "../../../services/nervous/master-orchestrator/organism-state.ts";
import { ServiceKeeper } from "../../../services/nervous/master-orchestrator/service-keeper.ts";
import { ServiceReports } from "../../../services/nervous/master-orchestrator/service-reports.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { planned, planOf } from "./plans.ts";

const NODE = "muscles-1";

describe("an attempt of the ladder that is being prepared", () => {
  let clock: FakeClock;
  let state: OrganismState;
  let keeper: ServiceKeeper;
  let reports: ServiceReports;
  let context: KeeperContext;
  let restarted: string[];
  let unloaded: string[];
  let healed: HealingRecord[];
  let decided: string[];
  /** What was on record at each restart. */
  let done: string[][];
  /** Fails the next restarts with this. */
  let sick: string | undefined;

  beforeEach(() => {
    clock = new FakeClock();
    restarted = [];
    unloaded = [];
    healed = [];
    decided = [];
    done = [];
    sick = undefined;
    const plan = planOf([planned("press"), planned("ink", { priority: "low" }), planned("paper")]);
    state = new OrganismState(plan, []);
    const journal = { state: emptyState(), append: (record: JournalRecord) => fold(journal.state, record) };
    const slot = (node: string, name: string, incarnation: number) => ({
      name,
      node,
      incarnation,
      pid: 7,
      status: "started",
      health: sick ? { status: "unhealthy", checks: { press: sick } } : { status: "healthy", checks: {} },
    });
    const healing = new HealingLog(clock, journal as never, async ({ action, target }) => {
      await Promise.resolve();
      decided.push(`${action} ${target.service}`);
    });
    healing.on("healing", (record) => healed.push(record));
    context = {
      clock,
      state,
      journal,
      healing,
      logger: { warn() {}, info() {} },
      config: { healingTimeScale: 1, healthCheckInterval: 1000, defaultStartupTimeout: 1_000_000 },
      restarts: new Restarts(clock, 1),
      advice: new Advice(),
      commands: {
        load: async (node: string, { name }: { name: string }, _file: string, incarnation: number) =>
          slot(node, name, incarnation),
        restart: async (node: string, name: string, incarnation: number) => {
          restarted.push(name);
          done.push([...decided]);
          return slot(node, name, incarnation);
        },
        unload: async (_node: string, name: string) => void unloaded.push(name),
      },
      policyOf: () =>
        servicePolicy({ jitter: 0 }, { defaultMaxRestartAttempts: 7, circuitBreakerResetTimeout: 60_000 } as never),
      changed() {},
      tell() {},
      isLate: () => false,
      isStopping: () => false,
    } as unknown as KeeperContext;
    keeper = new ServiceKeeper(context);
    reports = new ServiceReports(context, keeper, async () => {});
    const node = state.node(NODE, "muscles");
    node.status = "up";
    for (const name of ["press", "ink", "paper"]) {
      node.services.add(name);
      Object.assign(state.instance(state.services.get(name)!, NODE), {
        presence: "loaded",
        status: "healthy",
        incarnation: 1,
        startedAt: 1,
      });
    }
  });

  const press = () => state.services.get("press")!;
  const instance = () => press().instances.get(NODE)!;
  const settle = async () => {
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 100) {
      clock.advance(Math.min(100, left));
      await settle();
    }
  };
  const judge = (status: "healthy" | "unhealthy") => {
    const { incarnation } = instance();
    reports.judge([{ name: "press", node: NODE, incarnation, status, why: "no ink", settled: true }]);
  };
  /** Brings it to its sixth attempt, which waits for 2 s of stability. */
  const toSixth = async () => {
    sick = "no ink";
    judge("unhealthy");
    const standing = () => context.restarts.state(instanceKey("press", NODE));
    while (standing().attempts < 5) await pass(100);
    while (standing().phase === "waiting") await pass(100);
    expect(standing()).toEqual({ phase: "running", attempts: 6 });
    restarted = [];
    sick = undefined;
  };

  test("restarts what the service needs only when that is on record", async () => {
    press().planned.dependencies = ["ink"];
    const ink = state.services.get("ink")!.instances.get(NODE)!;
    sick = "no ink";
    judge("unhealthy");
    while (context.restarts.state(instanceKey("press", NODE)).attempts < 5) await pass(100);
    Object.assign(ink, { status: "unhealthy", why: "dry" });
    sick = undefined;
    [restarted, done] = [[], []];
    while (restarted.length === 0) await pass(100);
    expect(restarted[0]).toBe("ink");
    expect(done[0]).toContain("dependency-restart ink");
  });

  test("is not made where the service has recovered meanwhile", async () => {
    await toSixth();
    judge("healthy");
    await pass(5000);
    expect(restarted).toEqual([]);
    expect(instance().status).toBe("healthy");
    expect(healed.at(-1)).toMatchObject({ success: true });
    expect(context.healing.isOpen(instanceKey("press", NODE))).toBe(false);
  });

  test("is not made where the operator has restarted the service meanwhile", async () => {
    await toSixth();
    context.restarts.forget(instanceKey("press", NODE));
    await keeper.restart(press(), instance(), { fresh: true });
    await pass(5000);
    expect(restarted).toEqual(["press"]);
  });

  test("is not made where the service's node has died and brought it back meanwhile", async () => {
    await toSixth();
    reports.nodeGone(state.nodes.get(NODE)!, "muscles-1 crashed");
    await keeper.load(press(), instance());
    await pass(5000);
    expect(restarted).toEqual([]);
  });

  test("that somebody else has made void leaves no open case with an old beginning", async () => {
    sick = "no ink";
    judge("unhealthy");
    await pass(200);
    sick = undefined;
    context.restarts.forget(instanceKey("press", NODE));
    await keeper.restart(press(), instance(), { fresh: true });
    expect(instance().status).toBe("healthy");
    expect(context.healing.isOpen(instanceKey("press", NODE))).toBe(false);
    await pass(3_600_000);
    judge("unhealthy");
    await settle();
    expect(healed.at(-1)).toMatchObject({ success: true, attempt: 1 });
    expect(healed.at(-1)!.duration).toBeLessThan(1000);
  });

  test("a node whose one service is in quarantine is whole without it", async () => {
    Object.assign(instance(), { status: "quarantined", presence: "none" });
    context.healing.begin(NODE, {
      target: { node: NODE },
      failure: "crashed",
      before: "down",
      detection: 0,
      evidence: [],
    });
    reports.nodeGone(state.nodes.get(NODE)!, "muscles-1 crashed");
    for (const name of ["ink", "paper"])
      await keeper.load(state.services.get(name)!, state.services.get(name)!.instances.get(NODE)!);
    expect(healed.at(-1)).toMatchObject({ target: { node: NODE }, success: true });
  });

  test("what was given up is unloaded where a former orchestrator had no time for that", async () => {
    keeper.restoreQuarantine(press(), instance(), 7);
    instance().presence = "none";
    reports.found(state.nodes.get(NODE)!, {
      name: "press",
      node: NODE,
      incarnation: 1,
      pid: 7,
      status: "started",
    } as never);
    await settle();
    expect(instance().status).toBe("quarantined");
    expect(unloaded).toEqual(["press"]);
  });

  test("others do not wait for one that the operator has stopped", async () => {
    const ink = state.services.get("ink")!.instances.get(NODE)!;
    keeper.outcomes.failWith(state.services.get("ink")!, ink, "press", "no ink", "3 failed together");
    press().stopped = true;
    sick = undefined;
    keeper.resumeAwaiting();
    await pass(3000);
    expect(restarted).toContain("ink");
  });

  test("one that takes its process along each time it is started is given up, and its neighbours are not", async () => {
    const node = state.nodes.get(NODE)!;
    Object.assign(context.commands, { load: () => new Promise(() => {}) });
    for (let crash = 1; crash < 100 && instance().status !== "quarantined"; crash++) {
      context.restarts.failed(NODE, NODE_POLICY, () => {});
      await pass(100_000);
      Object.assign(instance(), { presence: "none" });
      void keeper.load(press(), instance());
      reports.nodeGone(node, "muscles-1 exit code 3", true);
      await settle();
    }
    expect(instance().status).toBe("quarantined");
    expect(healed.at(-1)).toMatchObject({ action: "quarantine", target: { service: "press" } });
    expect(state.services.get("ink")!.instances.get(NODE)!.status).toBe("unhealthy");
    expect(context.restarts.state(instanceKey("ink", NODE)).attempts).toBe(0);
  });
});
