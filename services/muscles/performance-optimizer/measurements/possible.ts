import type { Buckets } from "../../../../models/performance.ts";
import { BUCKETS } from "../../../../runtime/vitals/histogram.ts";

/** Nobody makes a thousand million calls between two reports. */
const MOST_CALLS = 1e9;

/** Whether these are buckets that a histogram can have given. */
export function areBuckets(buckets: unknown): buckets is Buckets {
  if (!Array.isArray(buckets) || buckets.length % 2 !== 0 || buckets.length > 2 * BUCKETS) return false;
  for (let i = 0; i < buckets.length; i += 2) {
    const bucket = buckets[i] as number;
    const calls = buckets[i + 1] as number;
    if (!Number.isInteger(bucket) || bucket < 0 || bucket >= BUCKETS) return false;
    if (!Number.isInteger(calls) || calls <= 0 || calls > MOST_CALLS) return false;
  }
  return true;
}
