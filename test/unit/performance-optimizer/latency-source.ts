import type { Buckets } from "../../../models/performance.ts";
import { bucketOf } from "../../../runtime/vitals/histogram.ts";
import { sampleNormal } from "../../../services/immune/auto-healer/learning/samplers.ts";

/** Latencies of one call, µs. */
export const LATENCIES = {
  lognormal: (random: () => number) => Math.exp(8 + 0.6 * sampleNormal(random)),
  /** Has no variance. */
  "heavy-tailed": (random: () => number) => 1000 * (1 - random()) ** (-1 / 1.1),
  "every tenth slow": (random: () => number) => (random() < 0.1 ? 50_000 : 1000) * (1 + 0.1 * random()),
  constant: (random: () => number) => 5000 * (1 + 0.02 * random()),
} as const;

export interface Source {
  latency: (random: () => number) => number;
  /** Calls in a second, on average. */
  rate: number;
  /** How much one second differs from the next; seconds that follow each other are alike. */
  restless?: number;
  random: () => number;
}

/** Calls second by second, as nodes report them. */
export function seconds({ latency, rate, restless = 0, random }: Source): (factor?: number) => Buckets {
  let level = 0;
  return (factor = 1) => {
    level = 0.8 * level + restless * sampleNormal(random);
    const counts = new Map<number, number>();
    for (let left = Math.round(rate * (0.5 + random())); left > 0; left--) {
      const bucket = bucketOf(latency(random) * factor * Math.exp(level));
      counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
    }
    return [...counts].flat();
  };
}
