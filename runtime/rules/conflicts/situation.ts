import { ALL, type Effect } from "./effects.ts";

/** A heap that is so many times larger or smaller is none: what would come after is not foreseen. */
const MOST = 64;
/** A hold whose size depends on the calls of that moment is taken for a small one: then no conflict is seen that is none. */
const LEAST_HOLD = 0.99;

interface Moved {
  first: number;
  amount: number;
  metrics: readonly string[];
}

/** What actions have made of metrics, in a simple model: more of a resource takes so much less of it for the same work. */
export class Situation {
  /** By target and lever. */
  readonly #levers = new Map<string, Moved>();
  readonly #held = new Map<string, Effect[]>();
  readonly #nodes: number;

  /** @param nodes of each target, at first */
  constructor(nodes = 1) {
    this.#nodes = nodes;
  }

  copy(): Situation {
    const copy = new Situation(this.#nodes);
    for (const [lever, moved] of this.#levers) copy.#levers.set(lever, moved);
    for (const [rule, effects] of this.#held) copy.#held.set(rule, effects);
    return copy;
  }

  /** What each metric is multiplied by, as `brain.load` → 0.83. */
  factors(): Map<string, number> {
    const all = new Map<string, number>();
    const multiply = (metrics: readonly string[], by: number) => {
      for (const metric of metrics) all.set(metric, (all.get(metric) ?? 1) * by);
    };
    for (const { metrics, first, amount } of this.#levers.values()) multiply(metrics, first / amount);
    for (const effects of this.#held.values()) for (const { metrics } of effects) multiply(metrics, LEAST_HOLD);
    return all;
  }

  /** Whether actions have made more or less of a resource than there can be. */
  get isBeyond(): boolean {
    return [...this.#levers.values()].some(({ amount, first }) => amount > MOST * first || amount * MOST < first);
  }

  /** @returns whether anything is other than before: no lever moves that is at its bound */
  apply(rule: string, effects: readonly Effect[]): boolean {
    const held = effects.filter((effect) => effect.held);
    const isNew = held.length > 0 && !this.#held.has(rule);
    if (isNew) this.#held.set(rule, held);
    const moved = effects.map((effect) => !effect.held && effect.metrics.length > 0 && this.#move(effect));
    return isNew || moved.includes(true);
  }

  /** What a rule held it holds no more. */
  end(rule: string): void {
    this.#held.delete(rule);
  }

  #move({ target, lever, metrics, next }: Effect): boolean {
    const key = `${target}\n${lever}`;
    const first = lever === "instances" ? this.#nodes : ALL;
    const before = this.#levers.get(key)?.amount ?? first;
    const amount = next(before);
    this.#levers.set(key, { first, amount, metrics });
    return amount !== before;
  }
}
