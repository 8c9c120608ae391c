import { megabytes, span } from "../figures.ts";
import type { Limits } from "./limits.ts";
import type { MemorySeries } from "./memory-series.ts";
import { type Point, trendOf } from "./trend.ts";

/** Growth that does not look as if it would end. */
export interface Growth {
  from: number;
  to: number;
  /** Bytes in a ms. */
  slope: number;
  /** ms */
  over: number;
}

/** A fall by so much of the range is a collection of garbage, not noise. */
const FALL = 0.25;
const LEAST_FALL = 2 * 2 ** 20;

/**
 * V8 lets the heap grow to up to four times of what was alive at its last full collection (`MemoryController` in V8's
 * heap-controller.cc) before it collects again. Growth without any fall below that says nothing.
 */
const V8_GROWTH = 4;

/** Which growth counts where no collection was seen. */
export type Kind = "heap" | "outside";

/** Looks at the newest stretch, and at longer ones in which slower growth shows. */
export function growth(
  series: MemorySeries,
  kind: Kind,
  limits: Limits["leaking"],
  now: number,
  heapLimit?: number,
): Growth | undefined {
  const { span: least, kept } = limits;
  for (const stretch of [least, (least + kept) / 2, kept]) {
    // A stretch is whole when it was seen from its beginning.
    const points = series.points(now - stretch - limits.step);
    if (points.length < 8 || now - points[0]!.at < stretch - limits.step) continue;
    const found = growthOf(points, kind, limits, heapLimit);
    if (found) return found;
  }
  return undefined;
}

function growthOf(
  points: Point[],
  kind: Kind,
  limits: Limits["leaking"],
  heapLimit = Number.POSITIVE_INFINITY,
): Growth | undefined {
  const falls = troughs(points);
  // One fall says that there was garbage, and not yet how much is left each time.
  if (falls.length === 1 || falls.length === 2) return undefined;
  const seen = falls.length === 0 ? points : falls;
  if (seen.at(-1)!.value - seen[0]!.value < limits.growth) return undefined;
  const trend = trendOf(seen);
  if (!trend || trend.slope <= 0 || trend.rising < limits.monotone) return undefined;
  const [first, last] = [seen[0]!, seen.at(-1)!];
  const over = last.at - first.at;
  const grown = trend.slope * over;
  if (grown < limits.growth) return undefined;
  if (falls.length === 0 && !clear(kind, first.value, last.value, heapLimit)) return undefined;
  if (levelsOff(seen, trend.slope)) return undefined;
  return { from: first.value, to: last.value, slope: trend.slope, over };
}

function clear(kind: Kind, from: number, to: number, heapLimit: number): boolean {
  return kind === "heap" ? to >= V8_GROWTH * from || to >= heapLimit / 2 : to >= 1.5 * from;
}

/** Growth of warming up becomes less and less; a leak does not. */
function levelsOff(points: readonly Point[], slope: number): boolean {
  const third = Math.max(3, Math.ceil(points.length / 3));
  const [early, late] = [trendOf(points.slice(0, third)), trendOf(points.slice(-third))];
  return !early || !late || late.slope < 0.6 * Math.max(slope, early.slope);
}

/** The lowest points after each clear fall. Where there are falls, only what they leave is alive. */
export function troughs(points: readonly Point[]): Point[] {
  const values = points.map(({ value }) => value);
  const fall = Math.max(LEAST_FALL, FALL * (Math.max(...values) - Math.min(...values)));
  const found: Point[] = [];
  let peak = points[0]!.value;
  let lowest: Point | undefined;
  for (const point of points) {
    if (lowest) {
      if (point.value <= lowest.value) lowest = point;
      else if (point.value - lowest.value >= fall / 2) {
        found.push(lowest);
        [lowest, peak] = [undefined, point.value];
      }
    } else if (peak - point.value >= fall) lowest = point;
    else peak = Math.max(peak, point.value);
  }
  if (lowest) found.push(lowest);
  return found;
}

/** Two sentences, and the time left in s where a limit is known. */
export function tellGrowth(
  { from, to, slope, over }: Growth,
  what: string,
  limit?: number,
): { evidence: string[]; secondsLeft?: number } {
  const evidence = [
    `${what} has grown steadily for ${span(over)}, from ${megabytes(from)} to ${megabytes(to)} (${megabytes(slope * 60_000)} a minute).`,
  ];
  if (limit === undefined || limit <= to) return { evidence };
  const left = (limit - to) / slope;
  evidence.push(`At this slope out of memory (${megabytes(limit)}) in about ${span(left)}.`);
  return { evidence, secondsLeft: Math.round(left / 1000) };
}
