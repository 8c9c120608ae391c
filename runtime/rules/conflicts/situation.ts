import type { Effect } from "./effects.ts";

/** Beyond this, the organism's own floors and ceilings stop the actions: what would come after is not foreseen. */
const MOST = 64;

/** What actions have made of metrics, in a simple model: more of a resource takes so much less of it for the same work. */
export class Situation {
  readonly #factors = new Map<string, number>();
  readonly #nodes = new Map<string, number>();
  readonly #held = new Map<string, Effect[]>();
  readonly #nodesAtFirst: number;

  /** @param nodes of each target, at first */
  constructor(nodes = 1) {
    this.#nodesAtFirst = nodes;
  }

  readonly nodesOf = (target: string): number => this.#nodes.get(target) ?? this.#nodesAtFirst;

  copy(): Situation {
    const copy = new Situation(this.#nodesAtFirst);
    for (const [variable, factor] of this.#factors) copy.#factors.set(variable, factor);
    for (const [target, nodes] of this.#nodes) copy.#nodes.set(target, nodes);
    for (const [rule, effects] of this.#held) copy.#held.set(rule, effects);
    return copy;
  }

  /** What each metric is multiplied by, as `brain.load` → 0.83. */
  factors(): Map<string, number> {
    const all = new Map(this.#factors);
    for (const effects of this.#held.values())
      for (const { factors } of effects)
        for (const [variable, factor] of factors) all.set(variable, (all.get(variable) ?? 1) * factor);
    return all;
  }

  /** Whether actions have made more or less of a metric than they can be expected to. */
  get isBeyond(): boolean {
    return [...this.#factors.values()].some((factor) => factor > MOST || factor < 1 / MOST);
  }

  apply(rule: string, effects: readonly Effect[]): void {
    const held = effects.filter((effect) => effect.held);
    if (held.length > 0) this.#held.set(rule, held);
    for (const effect of effects) if (!effect.held) this.#keep(effect);
  }

  /** What a rule held it holds no more. */
  end(rule: string): void {
    this.#held.delete(rule);
  }

  #keep({ target, lever, nodes, factors }: Effect): void {
    if (lever === "instances") this.#nodes.set(target, Math.max(1, this.nodesOf(target) + nodes));
    for (const [variable, factor] of factors) this.#factors.set(variable, (this.#factors.get(variable) ?? 1) * factor);
  }
}
