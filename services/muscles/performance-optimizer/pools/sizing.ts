import type { PoolKind, PoolReport } from "../../../../models/performance.ts";

export interface SizingOptions {
  /** A pool shrinks to the highest need of this time, ms. @default 300_000 */
  window: number;
  /** Servers above the mean need, in its square roots: what a random arrival may ask for on top. @default 2 */
  staffing: number;
  /** Share of the time of a use that may be waited on average before the pool grows. @default 0.1 */
  wait: number;
  /** Largest factor of one step up. @default 2 */
  grow: number;
  /** Largest share that one step down leaves. @default 0.75 */
  shrink: number;
  /** A pool shrinks only where its need is below this share of its size. @default 0.7 */
  slack: number;
  /** Least time between a step and the next one down, ms. @default 60_000 */
  rest: number;
}

export const SIZING: SizingOptions = {
  window: 300_000,
  staffing: 2,
  wait: 0.1,
  grow: 2,
  shrink: 0.75,
  slack: 0.7,
  rest: 60_000,
};

/**
 * Kinds whose size is adjusted, and the share of the configured bound below which they do not go. A thread costs
 * memory all the time; a place for a request costs nothing, and a burst wants it at once.
 */
export const ADJUSTED: Partial<Record<PoolKind, number>> = { worker: 0, redis: 0, database: 0.25, api: 0.5 };

/** A change of a pool's size, and what it was decided on. */
export interface SizeStep {
  from: number;
  to: number;
  reason: string;
  evidence: {
    /** Uses a second that were wanted, refused ones included. */
    arrivals: number;
    /** Mean time of a use and mean wait for it, ms. */
    use: number;
    wait: number;
    /** Places in use on average: arrivals times time of a use (Little, 1961). */
    load: number;
    /** Places that this needs. */
    need: number;
    refused: number;
  };
}

interface Need {
  at: number;
  places: number;
}

/**
 * The size that a pool should have. N = λ·W (Little, "A Proof for the Queuing Formula L = λW", 1961) says how many are
 * in use on average, and the square-root rule (Halfin and Whitt, "Heavy-Traffic Limits for Queues with Many Exponential
 * Servers", 1981) how many more let few wait. It grows at once, and shrinks by small steps to the highest need of a window.
 */
export class PoolSizing {
  readonly #options: SizingOptions;
  /** Needs that no later one exceeds: the first one is the highest of the window. */
  #highest: Need[] = [];
  /** When it was first looked at, and when its size was last changed; ms. */
  #since: number | undefined;
  #changedAt = Number.NEGATIVE_INFINITY;
  /** In use or waiting at the end of the last report. */
  #present = 0;
  /** Of the last uses that ended: one that takes longer than a report is in none of most reports. */
  #use = 0;

  constructor(options: Partial<SizingOptions> = {}) {
    this.#options = { ...SIZING, ...options };
  }

  /** @param pool increments of the last `span` ms @param now ms @returns the step to be taken, if there is one */
  observe(pool: PoolReport, span: number, now: number): SizeStep | undefined {
    const floor = floorOf(pool);
    if (floor === undefined || !(span > 0)) return undefined;
    this.#since ??= now;
    const evidence = this.#evidence(pool, span);
    this.#remember(now, evidence.need);
    const to = this.#growth(pool, evidence) ?? this.#shrinkage(pool, floor, now);
    if (to === undefined || to === pool.size) return undefined;
    this.#changedAt = now;
    return { from: pool.size, to, reason: reasonOf(pool, to, evidence), evidence };
  }

  #evidence({ uses, useSum, waitSum, refused, inUse, waiting }: PoolReport, span: number): SizeStep["evidence"] {
    if (uses > 0) this.#use = useSum / uses / 1000;
    const arrived = Math.max(0, uses + refused + inUse + waiting - this.#present);
    this.#present = inUse + waiting;
    const arrivals = (arrived / span) * 1000;
    const load = (arrivals * this.#use) / 1000;
    // What is in use now is needed in any case. It is the only thing seen while uses take longer than a report.
    const need = Math.max(inUse, Math.ceil(load + this.#options.staffing * Math.sqrt(load)));
    const wait = waitSum / Math.max(1, uses) / 1000;
    return { arrivals: round(arrivals), use: round(this.#use), wait: round(wait), load: round(load), need, refused };
  }

  #growth({ size, max, waiting, refused }: PoolReport, evidence: SizeStep["evidence"]): number | undefined {
    const { wait, grow } = this.#options;
    const late = evidence.wait > evidence.use * wait && evidence.wait > 0;
    if (size >= max || !(late || waiting > size || refused > 0)) return undefined;
    return Math.min(max, Math.max(size + 1, Math.min(evidence.need, Math.floor(size * grow))));
  }

  #shrinkage({ size }: PoolReport, floor: number, now: number): number | undefined {
    const { window, slack, shrink, rest } = this.#options;
    if (now - this.#since! < window || now - this.#changedAt < rest) return undefined;
    const need = Math.max(floor, this.#highest[0]!.places);
    if (need >= size * slack) return undefined;
    return Math.max(need, Math.floor(size * shrink));
  }

  #remember(at: number, places: number): void {
    const { window } = this.#options;
    this.#highest = this.#highest.filter((one) => one.places > places && at - one.at <= window);
    this.#highest.push({ at, places });
  }
}

/** What only a person can do about a pool: its bound is configured. Undefined where there is nothing to do. */
export function adviceOn({ kind, name, size, max, uses, waitSum, useSum, refused }: PoolReport): string | undefined {
  const setting = SETTINGS[kind];
  const late = uses > 0 && waitSum > useSum * SIZING.wait;
  if (!setting || size < max || !(late || refused > 0)) return undefined;
  const what = refused > 0 ? `${refused} were refused` : `each waits ${round(waitSum / uses / 1000)} ms on average`;
  return `${name} has all of its ${max} places, and ${what}: ${setting}`;
}

const SETTINGS: Partial<Record<PoolKind, string>> = {
  database: "raise AZORA_DB_MAX_CONNECTIONS, or look for what locks the files",
  api: "raise AZORA_API_MAX_CONNECTIONS, or run the lungs on more nodes",
  worker: "run the organ on more nodes; more threads than processors would not help",
};

/** Undefined for a pool whose size is not adjusted. */
function floorOf({ kind, min, max }: PoolReport): number | undefined {
  const share = ADJUSTED[kind];
  return share === undefined || max <= min ? undefined : Math.max(min, Math.ceil(max * share));
}

function reasonOf(
  { name, size }: PoolReport,
  to: number,
  { wait, use, need, load, refused }: SizeStep["evidence"],
): string {
  if (to < size) return `the highest need of ${name} was lower for long; now ${load} places are in use on average`;
  const waited = refused > 0 ? `${refused} were refused` : `${name} was waited for ${wait} ms at uses of ${use} ms`;
  return `${waited}; ${load} in use on average want ${need} places`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
