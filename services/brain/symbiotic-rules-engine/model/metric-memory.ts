import type { Metric } from "../../../../models/symbiosis.ts";
import type { Measured } from "../harmony/strain.ts";

/** So long what was last known counts in full, and then less and less until it counts no more, ms. */
const KEPT_MS = 30_000;
const FADES_MS = 60_000;

/**
 * What was last known of each metric of a system. Harmony goes on with it when a value becomes unknown: silence is no
 * recovery, and moves the confidence alone.
 */
export class MetricMemory {
  readonly #last = new Map<Metric, { value: number; at: number }>();

  /** @param value NaN: unknown @param known share of the nodes that tell it */
  take(metric: Metric, value: number, known: number, now: number): Measured {
    if (!Number.isNaN(value)) {
      const last = this.#last.get(metric);
      if (last) Object.assign(last, { value, at: now });
      else this.#last.set(metric, { value, at: now });
      return { value, known };
    }
    const last = this.#last.get(metric);
    if (!last) return { value, known: 0 };
    const keep = 1 - Math.min(1, Math.max(0, (now - last.at - KEPT_MS) / FADES_MS));
    return { value: last.value, known: 0, keep };
  }

  /** It does not apply: there is nothing to measure. */
  forget(metric: Metric): void {
    this.#last.delete(metric);
  }
}
