export interface FlapBudgetOptions {
  /** Reversals that one lever of one target may see within the window. @default 3 */
  reversals?: number;
  /** ms. @default 600_000 */
  window?: number;
  /** How long those that fight are stopped the first time, ms; each time again twice as long. @default 300_000 */
  stop?: number;
  /** ms. @default 3_600_000 */
  longestStop?: number;
  /** Levers that are remembered; the one that was pushed longest ago gives way. @default 4096 */
  most?: number;
}

export type FlapAnswer = { ok: true } | { ok: false; why: string };

export interface StoppedPair {
  target: string;
  lever: string;
  rules: string[];
  /** Same clock as `now`, ms. */
  until: number;
}

/** What is remembered of one lever of one target. */
interface Lever {
  target: string;
  lever: string;
  direction: 1 | -1;
  rule: string;
  reversals: { at: number; rules: [string, string] }[];
  stopped: string[];
  until: number;
  /** Stops in a row, without a quiet window between two. */
  stops: number;
}

/**
 * Stops rules that push one lever of one target to and fro. A push in the other direction than the last one is a reversal;
 * the one that would be too many within the window is refused, and those that took part are stopped for a while. Then they
 * may try again, once: who goes on fighting is stopped twice as long.
 * Other rules may push the lever meanwhile, and turn it once among them all. Times are monotonic ms.
 */
export class FlapBudget {
  readonly #reversals: number;
  readonly #window: number;
  readonly #stop: number;
  readonly #longestStop: number;
  readonly #most: number;
  /** The one that was pushed last is at the end. */
  readonly #levers = new Map<string, Lever>();
  #refused = 0;

  constructor({
    reversals = 3,
    window = 600_000,
    stop = 300_000,
    longestStop = 3_600_000,
    most = 4096,
  }: FlapBudgetOptions = {}) {
    this.#reversals = reversals;
    this.#window = window;
    this.#stop = stop;
    this.#longestStop = longestStop;
    this.#most = most;
  }

  /** Pushes that were refused. */
  get refused(): number {
    return this.#refused;
  }

  /**
   * Asked before a rule pushes; what is allowed counts as done.
   * @param direction 0 sets the lever to something: that is never a reversal
   */
  allow(target: string, lever: string, direction: 1 | -1 | 0, rule: string, now: number): FlapAnswer {
    const key = `${target}\n${lever}`;
    const known = this.#levers.get(key);
    if (known && known.until > now && known.stopped.includes(rule)) return this.#refuse(known, now);
    if (direction === 0) return { ok: true };
    if (!known) {
      this.#remember(key, { target, lever, direction, rule, reversals: [], stopped: [], until: 0, stops: 0 });
      return { ok: true };
    }
    if (direction !== known.direction && !this.#reverse(known, rule, now)) return this.#refuse(known, now);
    known.direction = direction;
    known.rule = rule;
    this.#remember(key, known);
    return { ok: true };
  }

  /** Those that are stopped now. */
  stopped(now: number): StoppedPair[] {
    return [...this.#levers.values()]
      .filter(({ until }) => until > now)
      .map(({ target, lever, stopped, until }) => ({ target, lever, rules: [...stopped], until }));
  }

  /** False, and the pair is stopped, where it is one reversal too many. */
  #reverse(lever: Lever, rule: string, now: number): boolean {
    lever.reversals = lever.reversals.filter(({ at }) => at > now - this.#window);
    const isQuiet = now - lever.until > this.#window;
    if (lever.stops > 0 && isQuiet && lever.reversals.length === 0) lever.stops = 0;
    // After a stop one reversal shows whether they go on; that one is allowed.
    const most = lever.stops > 0 ? Math.min(1, this.#reversals) : this.#reversals;
    if (lever.reversals.length < most) {
      lever.reversals.push({ at: now, rules: [lever.rule, rule] });
      return true;
    }
    const isStopped = lever.until > now;
    const fighting = [...lever.reversals.flatMap(({ rules }) => rules), lever.rule, rule];
    lever.stopped = [...new Set([...(isStopped ? lever.stopped : []), ...fighting])];
    lever.until = now + Math.min(this.#longestStop, this.#stop * 2 ** Math.min(lever.stops, 20));
    lever.stops += 1;
    // The reversal that a stop leaves to others is one for them all, not one for each who joins.
    if (!isStopped) lever.reversals = [];
    return false;
  }

  #refuse({ target, lever, stopped, until }: Lever, now: number): FlapAnswer {
    this.#refused += 1;
    const who = stopped.length === 1 ? `${stopped[0]} pushes` : `${listed(stopped)} push`;
    const left = Math.ceil((until - now) / 1000);
    return { ok: false, why: `${who} ${lever} of ${target} to and fro, and may try again in ${left} s` };
  }

  #remember(key: string, lever: Lever): void {
    this.#levers.delete(key);
    this.#levers.set(key, lever);
    if (this.#levers.size > this.#most) this.#levers.delete(this.#levers.keys().next().value!);
  }
}

/** `a, b and c` */
function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
