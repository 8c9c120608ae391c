import type { Buckets } from "../../../../models/performance.ts";
import type { Seen } from "../measurements/action-table.ts";
import type { Measurements } from "../measurements/measurements.ts";

/** Live calls, as far as experiments look at them. */
export interface Traffic {
  /** Latencies second by second. @param from @param to left out; ms, monotonic */
  seconds(actions: readonly string[], node: string | undefined, seen: Seen, from: number, to: number): Buckets[];
  /** Share of calls that failed in the last minute, and how many there were. */
  failures(actions: readonly string[], node: string | undefined): { calls: number; share: number };
  /** Which lives of which nodes carry the service. Another one makes a comparison void. */
  livesOf(service: string): string;
  /** What happened to the service or its nodes since then, such as healing; nothing where all is as usual. */
  disturbance(service: string, since: number): string | undefined;
  /** When the service was as usual again after the last disturbance; ms, monotonic. */
  calmSince(service: string): number;
}

/** A service is not as usual for so long after something happened to it, ms. */
export const CALM_MS = 15_000;
const MOST_DISTURBED = 1000;

/** The calls that nodes have told of. */
export class MeasuredTraffic implements Traffic {
  readonly #measurements: Measurements;
  readonly #now: () => number;
  readonly #carriers: (service: string) => readonly string[];
  /** Services and nodes to which something happened, and when. */
  readonly #disturbed = new Map<string, { why: string; at: number }>();

  /** @param now monotonic, ms @param carriers nodes that carry a service now */
  constructor(measurements: Measurements, now: () => number, carriers: (service: string) => readonly string[]) {
    this.#measurements = measurements;
    this.#now = now;
    this.#carriers = carriers;
  }

  seconds(actions: readonly string[], node: string | undefined, seen: Seen, from: number, to: number): Buckets[] {
    return this.#measurements.actions.seconds(actions, node, seen, from, to);
  }

  failures(actions: readonly string[], node: string | undefined): { calls: number; share: number } {
    let calls = 0;
    let failures = 0;
    for (const one of this.#measurements.actions.figures()) {
      if (!actions.includes(one.action) || (node !== undefined && one.node !== node)) continue;
      calls += one.calls;
      failures += one.failures;
    }
    return { calls, share: calls === 0 ? 0 : failures / calls };
  }

  livesOf(service: string): string {
    const nodes = [...this.#carriers(service)].sort();
    return nodes.map((node) => `${node}/${this.#measurements.lifeOf(node)}`).join(" ");
  }

  /** @param name of a service or a node */
  disturb(name: string, why: string): void {
    // In the order of time, so that what happened last is forgotten last.
    this.#disturbed.delete(name);
    this.#disturbed.set(name, { why, at: this.#now() });
    if (this.#disturbed.size > MOST_DISTURBED) this.#disturbed.delete(this.#disturbed.keys().next().value!);
  }

  disturbance(service: string, since: number): string | undefined {
    const last = this.#last(service);
    return last && last.at >= since ? last.why : undefined;
  }

  calmSince(service: string): number {
    const last = this.#last(service);
    return last ? last.at + CALM_MS : Number.NEGATIVE_INFINITY;
  }

  #last(service: string): { why: string; at: number } | undefined {
    let last: { why: string; at: number } | undefined;
    for (const name of [service, ...this.#carriers(service)]) {
      const known = this.#disturbed.get(name);
      if (known && known.at >= (last?.at ?? Number.NEGATIVE_INFINITY)) last = known;
    }
    return last;
  }
}
