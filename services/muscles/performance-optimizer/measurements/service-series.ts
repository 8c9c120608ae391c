import { BUCKETS, bucketValue, Histogram } from "../../../../runtime/vitals/histogram.ts";
import { Ring } from "./ring.ts";

/** Sums of each second. Times in µs. */
export const SECOND = {
  /** As callers saw it. */
  calls: 0,
  failures: 1,
  sum: 2,
  /** As the service saw it. */
  served: 3,
  servedSum: 4,
  queueSum: 5,
  refused: 6,
  queries: 7,
  querySum: 8,
  gcSum: 9,
  hits: 10,
  misses: 11,
  servedFailures: 12,
} as const;

/** What is kept of each minute. Times in µs. */
export const MINUTE = { calls: 0, failures: 1, logMean: 2, p50: 3, p95: 4, p99: 5, own: 6, refused: 7 } as const;

export const SECONDS_KEPT = 300;
export const MINUTES_KEPT = 6 * 60;
const LOG = Float64Array.from({ length: BUCKETS }, (_, bucket) => Math.log(Math.max(1, bucketValue(bucket))));

/** One service, all its nodes together: seconds for five minutes, minutes for six hours. */
export class ServiceSeries {
  readonly seconds = new Ring(Object.keys(SECOND).length, SECONDS_KEPT, 1000);
  readonly minutes = new Ring(Object.keys(MINUTE).length, MINUTES_KEPT, 60_000);
  readonly nodes = new Map<string, number>();
  /** Latency in the minute under way. */
  #minute = new Histogram();
  #minuteOf: number | undefined;

  add(now: number, column: keyof typeof SECOND, value: number): void {
    if (value !== 0) this.seconds.add(now, SECOND[column], value);
  }

  latencies(now: number, buckets: readonly number[]): void {
    this.closeMinute(now);
    this.#minute.add(buckets, 0);
  }

  /** Enters the minute that has ended, if one has. */
  closeMinute(now: number): void {
    const minute = Math.floor(now / 60_000);
    this.#minuteOf ??= minute;
    if (minute <= this.#minuteOf) return;
    const ended = this.#minuteOf * 60_000;
    this.#minuteOf = minute;
    if (this.#minute.count === 0) return;
    const latency = this.#minute;
    this.#minute = new Histogram();
    let logs = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) logs += latency.counts[bucket]! * LOG[bucket]!;
    const set = (column: keyof typeof MINUTE, value: number) => this.minutes.set(ended, MINUTE[column], value);
    const over = (column: keyof typeof SECOND) => this.seconds.sum(now, SECOND[column], 60_000);
    set("calls", latency.count);
    set("failures", over("failures"));
    set("refused", over("refused"));
    set("logMean", logs / latency.count);
    set("p50", latency.quantile(0.5));
    set("p95", latency.quantile(0.95));
    set("p99", latency.quantile(0.99));
    set("own", over("served") === 0 ? 0 : over("servedSum") / over("served"));
  }
}
