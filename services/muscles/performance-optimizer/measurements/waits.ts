import { RecentMap } from "./recent-map.ts";
import { Ring } from "./ring.ts";
import { SECOND_SLOTS, WINDOW_MS } from "./windows.ts";

/** Calls of another service in the last minute, and their time, µs. */
export interface Wait {
  service: string;
  calls: number;
  sum: number;
}

const COLUMN = { calls: 0, sum: 1 } as const;

/** For whom each service waits. */
export class Waits {
  readonly #now: () => number;
  readonly #pairs: RecentMap<{ caller: string; service: string; ring: Ring }>;

  /** @param now monotonic, ms @param most pairs of caller and callee */
  constructor(now: () => number, most: number, onFull: () => void) {
    this.#now = now;
    this.#pairs = new RecentMap(most, onFull);
  }

  /** A service that calls itself waits for nobody else. */
  add(caller: string, { service, calls, sum }: Wait): void {
    if (caller === service || calls === 0) return;
    const now = this.#now();
    const pair = this.#pairs.hear(`${caller}\u0000${service}`, now, () => {
      return { caller, service, ring: new Ring(Object.keys(COLUMN).length, ...SECOND_SLOTS) };
    });
    pair?.ring.add(now, COLUMN.calls, calls);
    pair?.ring.add(now, COLUMN.sum, sum);
  }

  of(caller: string): Wait[] {
    const now = this.#now();
    return this.#pairs
      .values()
      .filter((pair) => pair.caller === caller)
      .map(({ service, ring }) => ({
        service,
        calls: ring.sum(now, COLUMN.calls, WINDOW_MS),
        sum: ring.sum(now, COLUMN.sum, WINDOW_MS),
      }))
      .filter(({ calls }) => calls > 0);
  }

  forget(before: number): void {
    this.#pairs.forget(before);
  }
}
