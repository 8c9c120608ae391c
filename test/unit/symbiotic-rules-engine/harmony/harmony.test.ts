import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { METRICS, type Metric, SYSTEMS, type System } from "../../../../models/metrics.ts";
import { explain, harmonyOf, healthOf } from "../../../../services/brain/symbiotic-rules-engine/harmony/harmony.ts";
import type { FlowInput, SystemInput } from "../../../../services/brain/symbiotic-rules-engine/harmony/strain.ts";
import { flows, METRIC_NAMES, organism, systems, well, withMetric } from "./inputs.ts";

const NOTHING = 1e-9;
/** Most points that one unit of a metric moves the score; as docs/harmony.md says. */
const STEEPEST: Record<Metric, number> = {
  healthyRatio: 1.5,
  errorRate: 3.27,
  restarts: 4.45,
  refusalRate: 1.23,
  load: 1.6,
  eventLoopDelay: 0.028,
  memoryUsage: 1,
  saturation: 0.75,
  queueDepth: 2,
  latencyP95: 0.094,
  latencyP50: 0.063,
  cpu: 0.25,
  requestRate: 105.5,
  concurrency: 0,
};
const STEEPEST_FLOW = { waiting: 0.037, errorRate: 0.49, rate: 60, latency: 0 } as const;

const share = fc.double({ min: 0, max: 1, noNaN: true });
const anyMetric = fc.constantFrom(...METRIC_NAMES);
/** An organism, one of its systems, and one of its metrics. */
const place = fc
  .tuple(systems, flows, fc.nat(), anyMetric)
  .filter(([inputs, , , metric]) => inputs.some(({ metrics }) => metrics[metric]))
  .map(([inputs, calls, number, metric]) => {
    const those = inputs.flatMap(({ metrics }, at) => (metrics[metric] ? [at] : []));
    return { inputs, calls, metric, at: those[number % those.length]! };
  });

describe("harmony", () => {
  it("is between 0 and 100, as are its parts, and its confidence between 0 and 1", () => {
    fc.assert(
      fc.property(systems, flows, (inputs, calls) => {
        const { score, health, balance, flow, confidence } = harmonyOf(inputs, calls);
        for (const part of [score, health, balance, flow, ...inputs.map(healthOf)]) {
          expect(part).toBeGreaterThanOrEqual(0);
          expect(part).toBeLessThanOrEqual(100);
        }
        expect(score).toBeCloseTo((health * balance * flow) / 1e4, 9);
        expect(confidence).toBeGreaterThanOrEqual(0);
        expect(confidence).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("is what the formula of the documentation says, reckoned another way", () => {
    fc.assert(
      fc.property(systems, flows, (inputs, calls) => {
        expect(harmonyOf(inputs, calls).score).toBeCloseTo(naive(inputs, calls), 8);
      }),
    );
  });

  it("never rises when a metric gets worse", () => {
    fc.assert(
      fc.property(place, share, ({ inputs, calls, metric, at }, by) => {
        const { bad, min, max } = METRICS[metric];
        const { value } = inputs[at]!.metrics[metric]!;
        fc.pre(bad !== "none" && !Number.isNaN(value));
        const worse = bad === "high" ? value + (max - value) * by : value + (min - value) * by;
        const after = harmonyOf(withMetric(inputs, at, metric, { value: worse }), calls);
        expect(after.score).toBeLessThanOrEqual(harmonyOf(inputs, calls).score + NOTHING);
      }),
      { numRuns: 2000 },
    );
  });

  it("never rises when the load of the system that has most room grows", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 7, maxLength: 7 }),
        share,
        (loads, by) => {
          const inputs = SYSTEMS.map((system, i) => well(system, { load: loads[i]! }));
          const least = loads.indexOf(Math.min(...loads));
          const worse = withMetric(inputs, least, "load", { value: loads[least]! + (100 - loads[least]!) * by });
          expect(harmonyOf(worse, []).score).toBeLessThanOrEqual(harmonyOf(inputs, []).score + NOTHING);
        },
      ),
    );
  });

  it("never rises when calls between systems wait or fail more", () => {
    fc.assert(
      fc.property(
        systems,
        flows,
        fc.nat(),
        fc.constantFrom("waiting" as const, "errorRate" as const),
        share,
        (inputs, calls, number, what, by) => {
          fc.pre(calls.length > 0);
          const at = number % calls.length;
          const worse = calls.map((flow, i) =>
            i === at ? { ...flow, [what]: (flow[what] ?? 0) * (1 + by) + by } : flow,
          );
          expect(harmonyOf(inputs, worse).score).toBeLessThanOrEqual(harmonyOf(inputs, calls).score + NOTHING);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("moves by no more than the stated points when a metric moves a little", () => {
    fc.assert(
      fc.property(place, fc.double({ min: 1e-9, max: 2, noNaN: true }), ({ inputs, calls, metric, at }, by) => {
        const { value } = inputs[at]!.metrics[metric]!;
        fc.pre(!Number.isNaN(value));
        const moved = harmonyOf(withMetric(inputs, at, metric, { value: value + by }), calls).score;
        expect(Math.abs(moved - harmonyOf(inputs, calls).score)).toBeLessThanOrEqual(STEEPEST[metric] * by + 1e-7);
      }),
      { numRuns: 2000 },
    );
  });

  it("moves by no more than the stated points when a flow moves a little", () => {
    fc.assert(
      fc.property(
        systems,
        flows,
        fc.nat(),
        fc.constantFrom(...(Object.keys(STEEPEST_FLOW) as (keyof typeof STEEPEST_FLOW)[])),
        fc.double({ min: 1e-9, max: 2, noNaN: true }),
        (inputs, calls, number, what, by) => {
          fc.pre(calls.length > 0);
          const at = number % calls.length;
          fc.pre(calls[at]![what] !== null);
          const near = calls.map((flow, i) => (i === at ? { ...flow, [what]: flow[what]! + by } : flow));
          const moved = Math.abs(harmonyOf(inputs, near).score - harmonyOf(inputs, calls).score);
          expect(moved).toBeLessThanOrEqual(STEEPEST_FLOW[what] * by + 1e-7);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("stays where it is when a metric becomes unknown, and the confidence falls", () => {
    fc.assert(
      fc.property(place, ({ inputs, calls, metric, at }) => {
        fc.pre(inputs[at]!.metrics[metric]!.known > 0);
        const before = harmonyOf(inputs, calls);
        const after = harmonyOf(withMetric(inputs, at, metric, { known: 0, keep: 1 }), calls);
        expect(after.score).toBe(before.score);
        expect(after.confidence).toBeLessThanOrEqual(before.confidence);
      }),
    );
  });

  it("never falls while what is unknown fades", () => {
    fc.assert(
      fc.property(place, share, share, ({ inputs, calls, metric, at }, one, other) => {
        const keep = [one, other].sort((a, b) => b - a);
        const [before, after] = keep.map(
          (keep) => harmonyOf(withMetric(inputs, at, metric, { known: 0, keep }), calls).score,
        );
        expect(after!).toBeGreaterThanOrEqual(before! - NOTHING);
      }),
      { numRuns: 1000 },
    );
  });

  it("has no confidence where nothing is known, and says what that is", () => {
    const unknown = organism().map(({ system, metrics }) => ({
      system,
      metrics: Object.fromEntries(Object.keys(metrics).map((metric) => [metric, { value: Number.NaN, known: 0 }])),
    }));
    const { score, confidence, unknown: names, best } = explain(unknown, []);
    expect({ score, confidence, best }).toEqual({ score: 100, confidence: 0, best: null });
    expect(names).toContain("brain.load");
    expect(names).toHaveLength(7 * 12);
    expect(harmonyOf([], [])).toMatchObject({ score: 100, confidence: 0 });
  });
});

describe("the explanation of harmony", () => {
  it("has costs that are exactly the points that are missing", () => {
    fc.assert(
      fc.property(systems, flows, (inputs, calls) => {
        const { score, costs } = explain(inputs, calls);
        const sum = costs.reduce((all, { cost }) => all + cost, 0);
        expect(Math.abs(sum - (100 - score))).toBeLessThan(1e-9);
        for (const { cost, why } of costs) {
          expect(cost).toBeGreaterThan(0);
          expect(why).not.toMatch(/undefined|NaN|null/);
        }
        expect(costs.map(({ cost }) => cost)).toEqual(costs.map(({ cost }) => cost).sort((a, b) => b - a));
      }),
    );
  });

  it("names as best what gives most back, and how much that is", () => {
    fc.assert(
      fc.property(systems, flows, (inputs, calls) => {
        const { score, best, costs } = explain(inputs, calls);
        if (!best) {
          expect(costs).toEqual([]);
          return;
        }
        const gains = costs
          .filter(({ part, metric }) => part !== "balance" && metric !== "circle")
          .map(({ part, system, metric }) => {
            if (part === "flow")
              return (
                harmonyOf(
                  inputs,
                  calls.filter(({ to }) => to !== system),
                ).score - score
              );
            const { bad, min, max } = METRICS[metric as Metric];
            const at = inputs.findIndex((input) => input.system === system);
            return (
              harmonyOf(withMetric(inputs, at, metric as Metric, { value: bad === "low" ? max : min }), calls).score -
              score
            );
          });
        expect(best.gain).toBeCloseTo(Math.max(...gains), 8);
      }),
    );
  });

  it("tells with what a system has room while another starves", () => {
    const { costs } = explain(organism({ heart: { load: 97 }, stomach: { load: 1 } }), []);
    expect(costs.map(({ part, metric }) => `${part} ${metric}`)).toEqual(["health load", "balance load"]);
    expect(costs[1]!.why).toBe("heart carries 97 % of what it can while stomach has room (1 %)");
  });

  it("names a circle of systems that wait for each other", () => {
    const calls = (from: System, to: System): FlowInput => ({
      from,
      to,
      rate: 50,
      latency: 900,
      waiting: 800,
      errorRate: 0,
    });
    const line = explain(organism(), [calls("heart", "brain"), calls("brain", "lungs")]);
    const circle = explain(organism(), [calls("heart", "brain"), calls("brain", "lungs"), calls("lungs", "heart")]);
    expect(line.costs.map(({ metric }) => metric).sort()).toEqual(["calls from brain", "calls from heart"]);
    expect(circle.costs.find(({ metric }) => metric === "circle")!.why).toMatch(
      /^(heart waits for brain waits for lungs waits for heart|brain waits for lungs waits for heart waits for brain|lungs waits for heart waits for brain waits for lungs)$/,
    );
  });
});

describe("what the score means", () => {
  const score = (other: Parameters<typeof organism>[0], calls: FlowInput[] = []) =>
    harmonyOf(organism(other), calls).score;

  it("is 100 for an idle organism that is well, and above 95 on a busy machine", () => {
    expect(score({})).toBe(100);
    const restless = Object.fromEntries(
      SYSTEMS.map((system) => [system, { eventLoopDelay: 110, load: 40, restarts: 1 }]),
    );
    expect(score(restless)).toBeGreaterThan(95);
  });

  it.each(SYSTEMS)("is clearly below 80 when %s is at its limit and calls wait", (system) => {
    expect(score({ [system]: { load: 100, queueDepth: 50, requestRate: 50 } })).toBeLessThan(72);
  });

  it("is not harmed by systems that are not there", () => {
    const there = [well("muscles", { load: 90 }), well("nervous")];
    const { score: few, confidence } = harmonyOf(there, []);
    expect(few).toBeCloseTo(score({ muscles: { load: 90 } }), 9);
    expect(confidence).toBe(1);
  });

  it("hardly moves for one call that failed, and falls by a third where one in eight of many fails", () => {
    expect(score({ lungs: { errorRate: 100, requestRate: 0.05 } })).toBeGreaterThan(95);
    expect(score({ lungs: { errorRate: 13, requestRate: 500 } })).toBeLessThan(70);
  });

  it("is far below 80 when a system turns half of its calls away, however quick and idle it is", () => {
    expect(score({ muscles: { refusalRate: 45, saturation: 100, load: 100 } })).toBeLessThan(60);
  });

  it("takes slow calls for what they are where they are usual", () => {
    const thinking = { ...well("brain", { latencyP95: 9000, requestRate: 50 }), usual: { latencyP95: 8000 } };
    expect(harmonyOf([thinking], []).score).toBe(100);
    expect(harmonyOf([{ ...thinking, usual: { latencyP95: 900 } }], []).score).toBeLessThan(90);
  });
});

/** The formula as docs/harmony.md has it, without the code that is tested. */
function naive(inputs: readonly SystemInput[], calls: readonly FlowInput[]): number {
  const weights: Record<System, number> = {
    heart: 1,
    nervous: 1,
    lungs: 1,
    immune: 0.9,
    brain: 0.9,
    stomach: 0.7,
    muscles: 0.7,
  };
  const clamp = (x: number) => (x < 0 ? 0 : x > 1 ? 1 : x);
  const keepOf = (m: { known: number; keep?: number } | undefined) =>
    m === undefined ? 0 : m.known > 0 ? 1 : (m.keep ?? 1);
  const loads: { strain: number; keep: number }[] = [];
  let sum = 0;
  for (const { system, metrics, usual } of inputs) {
    const v = (name: Metric) => (metrics[name] && !Number.isNaN(metrics[name].value) ? metrics[name].value : undefined);
    const rate = v("requestRate");
    const many = rate === undefined ? 0 : rate / (1 + rate);
    const keep = (name: Metric) => keepOf(metrics[name]);
    const both = (name: Metric) => Math.min(keep(name), keep("requestRate"));
    const times = (name: "latencyP50" | "latencyP95") => {
      const value = v(name);
      const is = usual?.[name];
      if (value === undefined || is === undefined || value === 0) return 0;
      return clamp((Math.log(value / Math.max(50, is)) - Math.log(2)) / Math.log(5)) * many * both(name);
    };
    const load = clamp(((v("load") ?? 0) - 75) / 25) * keep("load");
    if (v("load") !== undefined) loads.push({ strain: load, keep: keep("load") });
    const queue = v("queueDepth");
    const drain = queue === undefined || rate === undefined ? 0 : queue / (rate + 20);
    sum +=
      weights[system] *
      (1.5 * clamp((100 - (v("healthyRatio") ?? 100)) / 100) * keep("healthyRatio") +
        0.8 * clamp(((v("errorRate") ?? 0) - 0.5) / 24.5) * many * both("errorRate") +
        0.6 * clamp(((v("refusalRate") ?? 0) - 1) / 49) * keep("refusalRate") +
        0.4 * clamp(((v("restarts") ?? 0) - 1) / 9) * keep("restarts") +
        0.25 * load +
        0.25 * clamp(((v("eventLoopDelay") ?? 0) - 100) / 900) * keep("eventLoopDelay") +
        0.25 * clamp(((v("memoryUsage") ?? 0) - 75) / 25) * keep("memoryUsage") +
        0.15 * clamp(((v("saturation") ?? 0) - 80) / 20) * keep("saturation") +
        0.2 * (drain / (drain + 0.5)) * both("queueDepth") +
        0.15 * times("latencyP95") +
        0.1 * times("latencyP50") +
        0.05 * clamp(((v("cpu") ?? 0) - 80) / 20) * keep("cpu"));
  }
  if (loads.length > 0) {
    const most = Math.max(...loads.map(({ strain }) => strain));
    const least = Math.min(...loads.map(({ strain, keep }) => strain + 1 - keep));
    sum += 0.15 * Math.max(0, most - least);
  }
  const pair = (from: System, to: System) =>
    Math.max(
      0,
      ...calls
        .filter((flow) => flow.from === from && flow.to === to && from !== to)
        .map(
          (flow) =>
            (flow.rate / (1 + flow.rate)) *
            (0.6 * clamp(((flow.waiting ?? 0) - 20) / 980) + 0.4 * clamp((flow.errorRate - 1) / 49)),
        ),
    );
  for (const to of SYSTEMS) sum += 0.3 * weights[to] * Math.max(...SYSTEMS.map((from) => pair(from, to)));
  let circle = 0;
  const walk = (path: System[], weakest: number): void => {
    for (const next of SYSTEMS) {
      const link = Math.min(weakest, pair(path.at(-1)!, next));
      if (link <= circle) continue;
      if (next === path[0]) circle = link;
      else if (!path.includes(next)) walk([...path, next], link);
    }
  };
  for (const start of SYSTEMS) walk([start], 1);
  return 100 * Math.exp(-sum - 0.3 * circle);
}
