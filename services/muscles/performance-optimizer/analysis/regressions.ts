import type { ServiceAnalysis } from "../../../../models/performance-views.ts";
import { changePoints } from "./change-points.ts";
import type { ServiceFacts } from "./service-facts.ts";

type Regression = ServiceAnalysis["regressions"][number];

const MINUTE_MS = 60_000;
/** Points that a series is looked at as; of a longer one several minutes make one. */
const POINTS = 120;
/** So much slower at least, as a factor. */
const SLOWER = 1.15;
/** Points on each side of a change. */
const LEAST = 8;
/** Fewer calls in a minute say nothing of it. */
const LEAST_CALLS = 5;

/** Since when a service is slower than before: the typical call, and the slow ones. Newest first. */
export function regressions({ at, minutes }: ServiceFacts): Regression[] {
  const found = [
    ...of("latency", minutes.logMean, Math.exp),
    ...of(
      "latency p95",
      minutes.p95.map((p95) => Math.log(Math.max(1, p95))),
      Math.exp,
    ),
  ];
  return found.sort((a, b) => b.at.localeCompare(a.at));

  function of(metric: string, logs: Float64Array, back: (log: number) => number): Regression[] {
    const points = compressed(logs, minutes.calls);
    const changes = changePoints(
      points.map(({ value }) => value),
      { least: LEAST },
    );
    const borders = [0, ...changes.map((change) => change.at), points.length];
    return changes.flatMap((change, i) => {
      const before = middle(points.slice(borders[i]!, change.at).map(({ value }) => value));
      const after = middle(points.slice(change.at, borders[i + 2]!).map(({ value }) => value));
      if (after - before < Math.log(SLOWER)) return [];
      const age = (logs.length - points[change.at]!.minute) * MINUTE_MS;
      return [
        {
          at: new Date(at - age).toISOString(),
          metric,
          before: back(before) / 1000,
          after: back(after) / 1000,
          confidence: change.confidence,
        },
      ];
    });
  }
}

interface Point {
  /** Of the first minute in it, from the beginning of the series. */
  minute: number;
  value: number;
}

/** Minutes with calls, several as one where there are too many: weighted by their calls. */
function compressed(values: Float64Array, calls: Float64Array): Point[] {
  const minutes = [...values.keys()].filter((minute) => calls[minute]! >= LEAST_CALLS);
  const each = Math.max(1, Math.ceil(minutes.length / POINTS));
  const points: Point[] = [];
  for (let i = 0; i < minutes.length; i += each) {
    const together = minutes.slice(i, i + each);
    const weight = together.reduce((sum, minute) => sum + calls[minute]!, 0);
    const value = together.reduce((sum, minute) => sum + calls[minute]! * values[minute]!, 0) / weight;
    points.push({ minute: together[0]!, value });
  }
  return points;
}

function middle(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}
