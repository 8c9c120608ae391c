import type { RuleAction } from "../../../../models/rules.ts";
import { type Clock, within } from "../../../../runtime/clock.ts";
import type { Push } from "../../../../runtime/rules/levers.ts";
import { LONGEST_ACT_MS, type Plan } from "./acts/act.ts";
import type { Backoffs } from "./backoffs.ts";
import type { ActionResult, Firing } from "./firing.ts";
import { COMPARED_TICKS, type FollowUps } from "./follow-ups.ts";
import type { Held } from "./held.ts";
import type { Holdings } from "./holdings.ts";
import type { RecentValues } from "./recent-values.ts";
import type { Target } from "./targets.ts";
import type { Turns } from "./turns.ts";
import { type Judgement, LEAST_VALUES } from "./verdict.ts";
import { watchedOf } from "./watched-metric.ts";

export interface EffectsOptions {
  /** Monotonic. */
  clock: Clock;
  logger: { info(text: string): void; warn(text: string): void };
  values: RecentValues;
  followUps: FollowUps;
  holdings: Holdings;
  backoffs: Backoffs;
  turns: Turns;
}

/** In an object, so that nobody awaits it who only waits for the act. */
export interface FollowUp {
  ended: Promise<void>;
}

/** How it was before an act. */
export interface Before {
  /** Metric that the act is to improve, as `brain.load`; undefined where there is none. */
  watched: string | undefined;
  /** Metric of the calls that come. */
  demanded: string;
  values: number[];
  demand: number[];
}

/** What is about to be done, and to whom. */
export interface Done {
  action: RuleAction;
  target: Target;
  pushes: readonly Push[];
  plan: Plan;
}

const OBSERVE_MS = 15_000;

/** Has what acts were to improve watched, and takes back what made it worse. */
export class Effects {
  readonly #options: EffectsOptions;

  constructor(options: EffectsOptions) {
    this.#options = options;
  }

  /** The metric that is watched, and what it and the calls that came were before the act. */
  before({ why, by }: Firing, action: RuleAction, target: Target, pushes: readonly Push[]): Before {
    const { values, followUps } = this.#options;
    const watched = watchedOf(action, target, pushes, why, (metric) => values.now(metric) !== null);
    const demanded = `${target.system}.requestRate`;
    // How it was before the rule's conditions held is not what the act is to make better.
    const held = Math.min(COMPARED_TICKS, Math.max(LEAST_VALUES, Math.ceil(why.heldFor / 1000)));
    const ticks = by === "rules" ? held : COMPARED_TICKS;
    return {
      watched,
      demanded,
      values: followUps.before(watched ?? "", ticks),
      demand: followUps.before(demanded, ticks),
    };
  }

  /** Watches what becomes of an act that was carried out just now. @param result where its effect is told */
  follow(firing: Firing, done: Done, before: Before, result: ActionResult): FollowUp | undefined {
    const { clock, followUps, backoffs } = this.#options;
    const { action, target, pushes } = done;
    const { watched, demanded, values, demand } = before;
    if (!watched) return undefined;
    result.effect = { metric: watched, before: mean(values), after: null, verdict: "watching", rolledBack: false };
    const made = this.#heldOf(target, pushes);
    const { promise, resolve } = Promise.withResolvers<void>();
    const judged = async ({ verdict, before, after, why }: Judgement, isInTurn: boolean) => {
      const effect = { metric: watched, before, after, verdict, rolledBack: false, why };
      if (verdict === "better") for (const { lever } of pushes) backoffs.helped(firing.rule.id, target.name, lever);
      if (verdict === "worse" && firing.by === "rules")
        effect.rolledBack = await this.#rollBack(firing.rule.id, done, made, why, isInTurn);
      result.effect = effect;
      void firing.tell().then(resolve);
      return effect.rolledBack;
    };
    const span = (action.parameters?.["observe"] as number | undefined) ?? OBSERVE_MS;
    const watch = { target: target.system, metric: watched, demand: demanded, span, judged };
    followUps.watch(watch, { metric: values, demand }, clock.now());
    return { ended: promise };
  }

  /** @param made what was held when it was done @param isInTurn another act on the system waits for it */
  async #rollBack(
    rule: string,
    { target, pushes, plan }: Done,
    made: readonly (Held | undefined)[],
    why: string,
    isInTurn: boolean,
  ): Promise<boolean> {
    const { clock, logger, backoffs, turns } = this.#options;
    for (const { lever } of pushes) backoffs.worse(rule, target.name, lever, why, clock.now());
    const { undo, what } = plan;
    if (!undo) return false;
    const takeBack = async () => {
      // Another act has built on it, or it was given back: what was before it is no longer right.
      if (this.#heldOf(target, pushes).some((held, i) => held !== made[i])) return false;
      await within(clock, LONGEST_ACT_MS, undo(), `takes back: ${what}: no end within ${LONGEST_ACT_MS / 1000} s`);
      logger.info(`${rule}: took back that it ${what}, since ${why}`);
      return true;
    };
    try {
      return await (isInTurn ? takeBack() : turns.take(target.system, takeBack));
    } catch (error) {
      logger.warn(`${rule}: could not take back that it ${what}: ${(error as Error).message}`);
      return false;
    }
  }

  /** What is held by these levers now; nodes are held of the whole organ. */
  #heldOf({ name, system }: Target, pushes: readonly Push[]): (Held | undefined)[] {
    return pushes.map(({ lever }) => this.#options.holdings.find(lever === "instances" ? system : name, lever));
  }
}

function mean(values: readonly number[]): number | null {
  return values.length === 0
    ? null
    : Math.round((values.reduce((sum, one) => sum + one, 0) / values.length) * 100) / 100;
}
