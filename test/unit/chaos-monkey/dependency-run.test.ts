import { describe, expect, test } from "@jest/globals";
import type { Topology } from "../../../models/topology.ts";
import type { CallPair } from "../../../runtime/faults/call-faults.ts";
import { DependencyRun, type DependencyWorld } from "../../../services/immune/chaos-monkey/dependency-run.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { ill, organism } from "./organism.ts";

/** An organism in which crane calls judge each time that it is called, and bears its failing or not. */
async function check(options: { bears?: boolean; now?: (failing: string | undefined) => Topology | undefined } = {}) {
  const clock = new FakeClock();
  const pairs = new Map<string, CallPair>();
  const undone: string[][] = [];
  const failed: string[] = [];
  let failing: { service: string; until: number } | undefined;
  const active = () => (failing && clock.now() < failing.until ? failing.service : undefined);
  const count = (caller: string, callee: string, error: boolean) => {
    const pair = pairs.get(caller + callee) ?? { caller, callee, calls: 0, errors: 0 };
    pairs.set(caller + callee, { ...pair, calls: pair.calls + 1, errors: pair.errors + (error ? 1 : 0) });
  };
  const world: DependencyWorld = {
    clock,
    topology: async () => (options.now ? options.now(active()) : organism()),
    untilCalm: async () => undefined,
    inject: async (_node, _run, duration, fault) => {
      if (fault.kind !== "fail-calls") return;
      failed.push(fault.service);
      failing = { service: fault.service, until: clock.now() + duration };
    },
    undo: async (_run, nodes) => {
      undone.push([...nodes]);
      return [];
    },
    pairs: async (node) => (node === "muscles-1" ? [...pairs.values()] : []),
    call: async (action) => {
      if (action === "gone.away") throw Object.assign(new Error("no such service"), { type: "SERVICE_NOT_FOUND" });
      const judgeFails = active() === "judge";
      count("crane", "judge", judgeFails);
      const craneFails = active() === "crane" || (judgeFails && !options.bears);
      count("chaos-monkey", "crane", craneFails);
      if (craneFails) throw new Error("failed");
    },
  };
  const actions = ["crane.lift", "gone.away"];
  const run = new DependencyRun(world, { each: 1000, actions, only: ["judge", "bell", "printer"] }, "run-1");
  let over = false;
  const ended = run.run().finally(() => {
    over = true;
  });
  while (!over) {
    clock.advance(10);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { report: await ended, undone, failed };
}

describe("the check of dependencies", () => {
  test("lets services fail in turn, no program, and undoes everything", async () => {
    const { report, undone, failed } = await check();
    expect(failed).toEqual(["judge", "bell"]);
    expect(report).toMatchObject({ status: "done", tested: ["judge", "bell"], hypothesisHeld: true });
    expect(undone).toEqual([["brain-1", "heart-1", "immune-1", "muscles-1", "nervous-1", "nervous-2"]]);
    expect(report.timeline[0]!.what).toBe("gone.away is left out, because it fails by itself: no such service");
    expect(report.callGraph).toEqual([{ caller: "crane", callee: "judge", calls: expect.any(Number) }]);
  });

  test("finds that crane bears what it says it does not", async () => {
    const { report } = await check({ bears: true });
    expect(report.hypothesisHeld).toBe(false);
    expect(report.findings).toContainEqual(
      expect.objectContaining({ from: "crane", to: "judge", verdict: "hard edge that is soft in truth" }),
    );
  });

  test("ends at once where the organism stays critical", async () => {
    const critical = ill({ ledger: "unhealthy" }, "critical");
    const slow = await check({ now: (failing) => (failing ? critical : organism()) });
    // One second of being critical may be; the bound is five.
    expect(slow.report.status).toBe("done");
    const down = await check({ now: (failing) => (failing ? ill({ "brain-1": "down" }) : organism()) });
    expect(down.report).toMatchObject({ status: "stopped", hypothesisHeld: null });
    expect(down.report.stopped).toBe("while judge failed: 1 nodes besides the target are down, and 0 may be: brain-1");
    expect(down.failed).toEqual(["judge"]);
    expect(down.undone).toHaveLength(1);
  });
});
