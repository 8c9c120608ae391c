import { describe, expect, test } from "@jest/globals";
import type { ShapeRuns } from "../../../../models/query-facts.ts";
import { Histogram } from "../../../../runtime/vitals/histogram.ts";
import { QueryTrial, type TrialOptions } from "../../../../services/muscles/performance-optimizer/queries/trial.ts";

/** A node that counts its runs since its start, as they are asked for once a second. */
class Node {
  readonly #times = new Map<string, Histogram>();

  run(shape: string, times: number, us: number): void {
    const histogram = this.#times.get(shape) ?? new Histogram();
    this.#times.set(shape, histogram);
    for (let i = 0; i < times; i++) histogram.record(us * (0.9 + ((i * 7) % 20) / 100));
  }

  get runs(): Record<string, ShapeRuns> {
    const runs = [...this.#times].map(([shape, histogram]): [string, ShapeRuns] => {
      const buckets = histogram.deltaSince(new Float64Array(histogram.counts.length));
      return [shape, { count: histogram.count, sum: histogram.sum, buckets }];
    });
    return Object.fromEntries(runs);
  }
}

/** Twelve seconds before and up to `seconds` after, each with its runs of `read` and `write`. */
function tried(
  after: { read: number; write?: number; runs?: number },
  options: Partial<TrialOptions> = {},
  seconds = 60,
) {
  const trial = new QueryTrial({ shape: "read", writes: ["write"], isDrop: false, ...options });
  const node = new Node();
  const { runs = 20 } = after;
  trial.before("n", node.runs);
  node.run("read", 1, 10_000);
  node.run("write", 1, 100);
  trial.before("n", node.runs);
  for (let second = 0; second < 12; second++) {
    node.run("read", runs, 10_000);
    node.run("write", 50, 100);
    trial.before("n", node.runs);
  }
  // While the change is made everything is slow; that is of neither side.
  node.run("read", 50, 500_000);
  trial.between("n", node.runs);
  trial.begin(0);
  for (let second = 1; second <= seconds; second++) {
    node.run("read", runs, after.read);
    node.run("write", 50, after.write ?? 100);
    trial.after("n", node.runs);
    const verdict = trial.verdict(second * 1000);
    if (verdict) return verdict;
  }
  return trial.verdict(10_000_000);
}

test("what becomes faster is kept, with figures of both sides", () => {
  const verdict = tried({ read: 500 });
  expect(verdict).toMatchObject({ status: "kept", outcome: "The query became faster" });
  expect(verdict!.effect!.ratio).toBeCloseTo(0.05, 1);
  expect(verdict!.effect!.before.mean).toBeGreaterThan(9);
  expect(verdict!.cost!.ratio).toBeCloseTo(1, 1);
});

test("what becomes slower is taken back", () => {
  expect(tried({ read: 20_000 })).toMatchObject({ status: "taken-back", outcome: "The query became slower" });
});

test("what stays as it is is taken back", () => {
  expect(tried({ read: 10_000 })).toMatchObject({ status: "taken-back" });
});

test("what the writes pay more for is taken back", () => {
  expect(tried({ read: 8000, write: 5000 })).toMatchObject({
    status: "taken-back",
    outcome: "What the query gained, the writes beside it lost",
  });
});

describe("a dropped index", () => {
  test("stays away when no query becomes slower", () => {
    expect(tried({ read: 10_000 }, { isDrop: true })).toMatchObject({ status: "kept" });
  });

  test("comes back when one does", () => {
    expect(tried({ read: 30_000 }, { isDrop: true })).toMatchObject({ status: "taken-back" });
  });
});

test("with few runs it is kept only when it is clear", () => {
  const clear = tried({ read: 100, runs: 1 }, {}, 5);
  expect(clear).toMatchObject({ status: "kept", outcome: expect.stringContaining("Few runs, but much faster") });
  expect(tried({ read: 7000, runs: 1 }, {}, 5)).toMatchObject({ status: "taken-back" });
});

test("a service that was restarted counts anew, and what it has is not taken twice", () => {
  const trial = new QueryTrial({ shape: "read", writes: [], isDrop: false });
  const before = new Node();
  before.run("read", 100, 1000);
  trial.before("n", before.runs);
  before.run("read", 10, 1000);
  trial.before("n", before.runs);
  const restarted = new Node();
  restarted.run("read", 5, 1000);
  trial.before("n", restarted.runs);
  expect(trial.runs.before).toBe(10);
  restarted.run("read", 5, 1000);
  trial.before("n", restarted.runs);
  expect(trial.runs.before).toBe(15);
});
