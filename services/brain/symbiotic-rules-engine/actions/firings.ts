import { randomUUID } from "node:crypto";
import type { ExecutionResult, RuleWhy } from "../../../../models/rule-results.ts";
import type { CompleteRule } from "../../../../models/rules.ts";
import type { Clock } from "../../../../runtime/clock.ts";
import { type ActionResult, type Firing, STOPS } from "./firing.ts";
import type { Performer } from "./performer.ts";
import { Repeats } from "./repeats.ts";

export interface FiringsOptions {
  performer: Pick<Performer, "carryOut">;
  /** Monotonic. */
  clock: Clock;
  /** ms since the epoch. */
  wall(): number;
  logger: { warn(text: string): void };
  /** Called before the first thing that a firing changes, and waited for; not where it changes nothing. @default nobody */
  announce?: ((rule: CompleteRule, why: RuleWhy, by: Firing["by"]) => Promise<void>) | undefined;
  /** Called when a firing was carried out, and again with the same id when an effect is known. */
  keep(result: ExecutionResult): Promise<void>;
  /** @default it is still active */
  isActive?: ((rule: string) => boolean) | undefined;
}

/** Rules that act at one time. */
const MOST_AT_ONCE = 50;

/** Carries firings out, one of a rule at a time, and keeps what came of them. */
export class Firings {
  readonly #options: FiringsOptions;
  readonly #repeats = new Repeats();
  /** Ids of rules whose firing is being carried out. */
  readonly #acting = new Set<string>();
  /** Verdicts that are still to come. */
  readonly #effects = new Set<Promise<void>>();
  #isStopped = false;
  /** Firings that were left out, since the last one of the rule or too many others were under way. */
  skipped = 0;

  constructor(options: FiringsOptions) {
    this.#options = options;
  }

  /**
   * Carries a rule's actions out, one after the other. Never rejects: what could not be done is said in the result.
   * @param wait answers only when the effects are known
   */
  async act(rule: CompleteRule, why: RuleWhy, by: Firing["by"], wait: boolean): Promise<ExecutionResult> {
    const result: ExecutionResult = {
      id: randomUUID(),
      rule: rule.id,
      at: new Date(this.#options.wall()).toISOString(),
      mode: rule.mode,
      why,
      actions: [],
    };
    const hindrance = this.#hindrance(rule.id);
    if (hindrance !== undefined) {
      this.skipped++;
      result.actions = rule.actions.map(({ type, target }) => ({ type, target, status: "refused", what: hindrance }));
      await this.#keepOnce(result, by);
      return result;
    }
    this.#acting.add(rule.id);
    const effects: Promise<void>[] = [];
    const firing = this.#firing(rule, why, by, result);
    try {
      for (const action of rule.actions) {
        const done: ActionResult = { type: action.type, target: action.target, status: "failed", what: "" };
        result.actions.push(done);
        const effect = await this.#options.performer.carryOut(firing, action, done);
        if (effect) effects.push(effect.ended);
      }
    } finally {
      this.#acting.delete(rule.id);
    }
    await this.#keepOnce(result, by);
    for (const effect of effects) {
      this.#effects.add(effect);
      void effect.finally(() => this.#effects.delete(effect));
    }
    if (wait) await Promise.all(effects);
    return result;
  }

  /** Nothing is begun any more. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Waits for the verdicts of what was done. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#effects]);
  }

  #firing(rule: CompleteRule, why: RuleWhy, by: Firing["by"], result: ExecutionResult): Firing {
    const { announce, isActive } = this.#options;
    let announced: Promise<void> | undefined;
    return {
      rule,
      why,
      by,
      isOver: () => isActive?.(rule.id) === false,
      isStopped: () => this.#isStopped,
      announce: () => {
        announced ??= announce?.(rule, why, by) ?? Promise.resolve();
        return announced;
      },
      tell: () => this.#keep(result),
    };
  }

  #hindrance(rule: string): string | undefined {
    if (this.#isStopped) return STOPS;
    if (this.#acting.has(rule)) return "its last firing is still being carried out";
    if (this.#acting.size >= MOST_AT_ONCE) return `${MOST_AT_ONCE} rules act already`;
    return undefined;
  }

  /** What a rule says again and again is kept once a minute; what a person asked for is kept each time. */
  async #keepOnce(result: ExecutionResult, by: Firing["by"]): Promise<void> {
    if (by === "operator" || !this.#repeats.isRepeat(result, this.#options.clock.now())) await this.#keep(result);
  }

  async #keep(result: ExecutionResult): Promise<void> {
    try {
      await this.#options.keep(result);
    } catch (error) {
      this.#options.logger.warn(`what came of ${result.rule} could not be kept: ${(error as Error).message}`);
    }
  }
}
