import { METRICS, type Metric } from "../../../../models/metrics.ts";
import type { Measured } from "../harmony/strain.ts";

/** So long what was last known counts in full, and then less and less until it counts no more, ms. */
const KEPT_MS = 30_000;
const FADES_MS = 60_000;
/** What was known longer ago counts no more, ms. */
export const REMEMBERED_MS = KEPT_MS + FADES_MS;

/** 1 at first, then less, at last 0. @param age ms */
export function keepAt(age: number): number {
  return 1 - Math.min(1, Math.max(0, (age - KEPT_MS) / FADES_MS));
}

/**
 * What was known of each metric of a system when all its nodes last told it. Harmony goes on with that when some of them, or
 * all, fall silent: silence is no recovery, and moves the confidence alone. The busy one may be the one that is silent.
 */
export class MetricMemory {
  readonly #last = new Map<Metric, { value: number; at: number }>();

  /** @param value NaN: unknown @param known share of the nodes that tell it */
  take(metric: Metric, value: number, known: number, now: number): Measured {
    const isKnown = !Number.isNaN(value) && known > 0;
    const last = this.#last.get(metric);
    if (isKnown && (known >= 1 || !last)) {
      if (last) Object.assign(last, { value, at: now });
      else this.#last.set(metric, { value, at: now });
      return { value, known };
    }
    if (!last) return { value: Number.NaN, known: 0 };
    const keep = keepAt(now - last.at);
    if (!isKnown) return { value: last.value, known: 0, keep };
    const better = betterBy(metric, value, last.value);
    return better > 0 ? { value: value + (last.value - value) * keep, known, isOld: true } : { value, known };
  }

  /** It does not apply: there is nothing to measure. */
  forget(metric: Metric): void {
    this.#last.delete(metric);
  }
}

function betterBy(metric: Metric, value: number, before: number): number {
  const { bad } = METRICS[metric];
  return bad === "high" ? before - value : bad === "low" ? value - before : 0;
}
