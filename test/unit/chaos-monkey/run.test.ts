import { describe, expect, test } from "@jest/globals";
import type { HealingRecord } from "../../../models/healing.ts";
import type { Topology } from "../../../models/topology.ts";
import { CallProbe, readingActions } from "../../../services/immune/chaos-monkey/call-probe.ts";
import type { CheckSpec, Experiment } from "../../../services/immune/chaos-monkey/experiment.ts";
import { ExperimentRun } from "../../../services/immune/chaos-monkey/experiment-run.ts";
import { seeded } from "../../../services/immune/chaos-monkey/random.ts";
import type { World } from "../../../services/immune/chaos-monkey/world.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { experiment, ill, organism } from "./organism.ts";

/** A world in which only time passes by itself. */
class FakeWorld {
  readonly clock = new FakeClock();
  now: Topology | undefined = organism();
  readonly undone: number[] = [];
  struck = 0;
  isBack = true;
  failure: Error | undefined;
  calls = 0;
  callError: (() => Error | undefined) | undefined;
  healing: HealingRecord[] = [];

  get world(): World {
    return {
      clock: this.clock,
      self: "immune-1",
      topology: async () => this.now,
      intervene: async () => {
        if (this.failure) throw this.failure;
        this.struck = this.clock.now();
        return {
          undo: async () => {
            this.undone.push(this.clock.now() - this.struck);
            return ["heart-1: undone"];
          },
          isBack: () => this.isBack,
        };
      },
      actions: () => [{ name: "ledger.read", service: "ledger", idempotent: true }],
      call: async () => {
        this.calls++;
        const error = this.callError?.();
        if (error) throw error;
      },
      history: async () => this.healing,
    };
  }

  start(more: Partial<Experiment> = {}) {
    const run = new ExperimentRun(experiment(more), this.world, seeded(1), { id: "run-1", seed: 1 });
    return { run, ended: this.#through(run.run()) };
  }

  /** Turns the clock until the run has ended. `when`: what happens so long after the fault, ms. */
  readonly when: { at: number; what: () => void }[] = [];
  async #through<T>(run: Promise<T>): Promise<T> {
    let over = false;
    void run.finally(() => {
      over = true;
    });
    for (let turns = 0; !over; turns++) {
      if (turns > 20_000) throw new Error("the run does not end");
      for (const one of this.when.splice(0)) {
        if (this.struck > 0 && this.clock.now() - this.struck >= one.at) one.what();
        else this.when.push(one);
      }
      this.clock.advance(10);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return run;
  }
}

const CALLS: CheckSpec = { kind: "call", action: "auto", within: 100, every: 50, failuresAllowed: 5 };
const checks = (...more: CheckSpec[]) => ({
  hypothesis: "It is healed.",
  checks: [...more, { kind: "healthy-within", ms: 2000 } as CheckSpec],
});

describe("a run", () => {
  test("whose hypothesis holds says when it was seen, when all was healthy, and what was called", async () => {
    const world = new FakeWorld();
    const { run, ended } = world.start({ steadyState: checks(CALLS) });
    world.when.push({
      at: 500,
      what: () => {
        world.now = ill({ ledger: "unhealthy" });
        run.observations!.detected({
          id: "d",
          at: new Date(world.clock.now()).toISOString(),
          failure: "erroring",
          target: { service: "ledger" },
          evidence: ["half of its calls fail"],
          severity: "failure",
        });
      },
    });
    world.when.push({
      at: 3400,
      what: () => {
        world.now = organism();
      },
    });
    const report = await ended;
    expect(report).toMatchObject({
      status: "done",
      hypothesisHeld: true,
      target: "service ledger on heart-1",
      against: [],
      undone: ["heart-1: undone"],
      calls: { failed: 0, actions: ["ledger.read"] },
      restartedBeyond: [],
    });
    expect(report.detectMs).toBe(500);
    expect(world.undone[0]).toBeGreaterThanOrEqual(3000);
    expect(report.recoverMs).toBeGreaterThan(300);
    expect(report.recoverMs).toBeLessThan(600);
    expect(report.calls.done).toBeGreaterThan(60);
    expect(report.timeline.map(({ what }) => what)).toEqual([
      "steady state: healthy, ledger.read answered",
      "fault: fail-calls of service ledger on heart-1",
      "seen: ledger erroring (half of its calls fail)",
      "undone: heart-1: undone",
      expect.stringMatching(/^everything is healthy, \d+ ms after its end$/),
      "the hypothesis held",
    ]);
  });

  test("is not begun where the steady state is not there", async () => {
    const world = new FakeWorld();
    world.now = ill({ bell: "unhealthy" });
    const report = await world.start().ended;
    expect(report).toMatchObject({
      status: "refused",
      hypothesisHeld: null,
      against: [expect.stringContaining("degraded")],
    });
    expect(world.struck).toBe(0);
    const failing = new FakeWorld();
    failing.callError = () => new Error("no");
    const other = await failing.start({ steadyState: checks(CALLS) }).ended;
    expect(other).toMatchObject({ status: "refused", against: ["the steady state is not there: no"] });
    expect(failing.struck).toBe(0);
  });

  test("that leaves its blast radius is undone at once", async () => {
    const world = new FakeWorld();
    world.when.push({
      at: 1000,
      what: () => {
        world.now = ill({ bell: "unhealthy" });
      },
    });
    world.when.push({
      at: 1500,
      what: () => {
        world.now = organism();
      },
    });
    const report = await world.start().ended;
    expect(report).toMatchObject({
      status: "stopped",
      stopped: "1 services besides the target are ill, and 0 may be: bell",
      hypothesisHeld: false,
      illBeyond: ["bell"],
    });
    expect(world.undone[0]).toBeLessThanOrEqual(1000 + 250);
  });

  test("that meets its stop condition is undone at once", async () => {
    const world = new FakeWorld();
    const { ended } = world.start({ steadyState: checks(CALLS), stop: [{ kind: "calls-failed", more: 2 }] });
    world.when.push({
      at: 800,
      what: () => {
        world.callError = () => new Error("broken");
      },
    });
    const report = await ended;
    expect(report.stopped).toBe("3 calls have failed, and 2 may");
    expect(world.undone[0]).toBeLessThan(800 + 3 * 50 + 250);
    expect(report.calls.byError).toEqual({ broken: report.calls.failed });
  });

  test("ends when it is told to, and is undone", async () => {
    const world = new FakeWorld();
    const { run, ended } = world.start();
    world.when.push({ at: 300, what: () => run.stop("somebody said so") });
    expect(await ended).toMatchObject({ status: "stopped", stopped: "somebody said so" });
    expect(world.undone[0]).toBeLessThan(600);
  });

  test("of a fault that is over at once lasts until what was broken is back", async () => {
    const world = new FakeWorld();
    world.isBack = false;
    world.when.push({
      at: 700,
      what: () => {
        world.isBack = true;
      },
    });
    const report = await world.start({ fault: { kind: "kill-node", target: { node: "muscles-1" } }, duration: 60_000 })
      .ended;
    expect(report.recoverMs).toBeGreaterThanOrEqual(700);
    expect(report.recoverMs).toBeLessThan(900);
  });

  test("does not hold where something stays ill, where too many calls fail, or where somebody else is restarted", async () => {
    const world = new FakeWorld();
    const { ended } = world.start({ steadyState: checks({ ...CALLS, failuresAllowed: 3 } as CheckSpec) });
    world.when.push({
      at: 100,
      what: () => {
        world.callError = () => Object.assign(new Error("late"), { type: "REQUEST_TIMEOUT" });
        const after = ill({ ledger: "unhealthy" });
        after.services.find(({ name }) => name === "bell")!.instances[0]!.incarnation++;
        world.now = after;
      },
    });
    const report = await ended;
    expect(report.hypothesisHeld).toBe(false);
    expect(report.against).toEqual([
      expect.stringContaining("not healthy within 2000 ms"),
      "bell on nervous-2 was restarted, which was not the target: nobody says why",
      expect.stringMatching(/^\d+ of \d+ calls of ledger.read failed, and 3 may: \d+ × REQUEST_TIMEOUT$/),
    ]);
  });

  test("holds where the target is in quarantine for the right reason, and only then", async () => {
    const outcome = async (why: string) => {
      const world = new FakeWorld();
      world.when.push({
        at: 100,
        what: () => {
          world.now = ill({ ledger: "quarantined" }, "critical");
          world.now.services.find(({ name }) => name === "ledger")!.why = why;
        },
      });
      return world.start().ended;
    };
    const right = await outcome("health: chaos: this call was made to fail; given up after 7 attempts");
    expect(right).toMatchObject({ hypothesisHeld: true, quarantined: [{ service: "ledger", rightReason: true }] });
    const wrong = await outcome("it lost its mind");
    expect(wrong).toMatchObject({ hypothesisHeld: false, quarantined: [{ service: "ledger", rightReason: false }] });
  });

  test("that fails itself leaves no fault behind", async () => {
    const world = new FakeWorld();
    const { ended } = world.start();
    world.when.push({
      at: 200,
      what: () => {
        world.now = { ...organism(), services: null } as never;
      },
    });
    expect(await ended).toMatchObject({ status: "stopped", hypothesisHeld: null, undone: ["heart-1: undone"] });
    expect(world.undone).toHaveLength(1);
  });

  test("whose fault cannot be committed says why, and tests nothing", async () => {
    const world = new FakeWorld();
    world.failure = new Error("node-faults is not there");
    const report = await world.start().ended;
    expect(report).toMatchObject({
      status: "refused",
      hypothesisHeld: null,
      against: ["the fault could not be committed: node-faults is not there"],
    });
  });

  test("counts as lost what anybody has lost", async () => {
    const world = new FakeWorld();
    const record = { at: new Date(world.clock.now() + 60_000).toISOString(), lost: 4, target: {}, duration: 1 };
    world.healing = [record, { ...record, lost: 3 }] as HealingRecord[];
    expect((await world.start().ended).lost).toBe(7);
  });
});

describe("calls during a run", () => {
  test("come in turn, one each interval, and no more at once than is allowed", async () => {
    const clock = new FakeClock();
    const made: string[] = [];
    const probe = new CallProbe(
      { ...CALLS, kind: "call", every: 10, action: "auto", within: 1000, failuresAllowed: 0 },
      ["a.read", "b.read"],
      (action) => {
        made.push(action);
        return new Promise(() => {});
      },
      clock,
    );
    probe.start();
    clock.advance(35);
    expect(made).toEqual(["a.read", "b.read", "a.read", "b.read"]);
    clock.advance(2000);
    expect(made).toHaveLength(50);
    expect(probe.skipped).toBeGreaterThan(100);
    probe.stop();
    clock.advance(1000);
    expect(made).toHaveLength(50);
  });

  test("that come too late have failed", async () => {
    const clock = new FakeClock();
    const check = { kind: "call", action: "a.read", within: 100, every: 10, failuresAllowed: 0 } as const;
    const late = async () => clock.advance(150);
    expect(await new CallProbe(check, ["a.read"], late, clock).once()).toBe("a.read took 150 ms");
    expect(await new CallProbe(check, ["a.read"], async () => {}, clock).once()).toBeUndefined();
  });

  test("are made by themselves only of what reads and needs nothing", () => {
    const action = (name: string, more: object = {}) => ({
      name,
      service: name.split(".")[0]!,
      idempotent: true,
      ...more,
    });
    const actions = [
      action("ledger.read"),
      action("ledger.purge"),
      action("shelf.list", {
        params: { page: "number|optional", sort: { type: "string", default: "a" }, $$strict: true },
      }),
      action("shelf.find", { params: { query: { type: "object" } } }),
      action("mill.count", { idempotent: false }),
      action("health-monitor.list"),
    ];
    expect(readingActions(actions, new Set(["health-monitor"]))).toEqual(["ledger.read", "shelf.list"]);
  });
});
