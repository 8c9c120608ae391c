import type { HealingTarget } from "../../../../models/healing.ts";

const MOST = 10_000;

/** Until when an action is not to be carried out again on the same target. */
export class Cooldowns {
  readonly #until = new Map<string, number>();

  begin(action: string, target: HealingTarget, until: number): void {
    const key = keyOf(action, target);
    this.#until.delete(key);
    this.#until.set(key, until);
    if (this.#until.size > MOST) this.#until.delete(this.#until.keys().next().value!);
  }

  /** ms; 0 where it may be carried out. */
  left(action: string, target: HealingTarget, now: number): number {
    return Math.max(0, (this.#until.get(keyOf(action, target)) ?? 0) - now);
  }
}

/** The whole of a service has the same cooldown as it has on one node: on most it is the same. */
function keyOf(action: string, { service, node }: HealingTarget): string {
  return `${action}|${service ?? node}`;
}
