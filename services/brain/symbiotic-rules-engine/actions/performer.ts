import type { ActionType, CompleteRule, ExecutionResult, RuleAction, RuleWhy } from "../../../../models/symbiosis.ts";
import type { Topology } from "../../../../models/topology.ts";
import type { Clock } from "../../../../runtime/clock.ts";
import { type Push, pushesOf } from "../../../../runtime/rules/levers.ts";
import type { Act, Plan } from "./acts/act.ts";
import { setFlag, shed, throttle } from "./acts/held-acts.ts";
import { adjustResources } from "./acts/resources.ts";
import { scale } from "./acts/scaling.ts";
import { alert, clearCache, heal } from "./acts/simple-acts.ts";
import type { Backoffs } from "./backoffs.ts";
import { COMPARED_TICKS, type FollowUps } from "./follow-ups.ts";
import type { Held } from "./held.ts";
import type { Holdings } from "./holdings.ts";
import type { ActionPorts } from "./ports.ts";
import type { RecentValues } from "./recent-values.ts";
import { Refused } from "./refused.ts";
import { type Target, targetOf } from "./targets.ts";
import type { Turns } from "./turns.ts";
import { type Judgement, LEAST_VALUES } from "./verdict.ts";
import { watchedOf } from "./watched-metric.ts";

export interface Flaps {
  allow(
    target: string,
    lever: string,
    direction: 1 | -1 | 0,
    rule: string,
    now: number,
  ): { ok: true } | { ok: false; why: string };
}

export interface PerformerOptions {
  ports: ActionPorts;
  /** Monotonic. */
  clock: Clock;
  logger: { info(text: string): void; warn(text: string): void };
  values: RecentValues;
  followUps: FollowUps;
  holdings: Holdings;
  backoffs: Backoffs;
  turns: Turns;
  topology(): Promise<Topology>;
  flaps?: Flaps | undefined;
  /** Asked when an act's turn has come: acts of one system wait for each other. @default it is still active */
  isActive?: ((rule: string) => boolean) | undefined;
}

/** In an object, so that nobody awaits it who only waits for the act. */
export interface FollowUp {
  ended: Promise<void>;
}
export type ActionResult = ExecutionResult["actions"][number];

/** A rule that is being carried out. */
export interface Firing {
  rule: CompleteRule;
  why: RuleWhy;
  by: "rules" | "operator";
  /** Says that something will be changed; once for all actions. */
  announce(): Promise<void>;
  /** Tells what has become known of the effects. */
  tell(): Promise<void>;
}

/** How it was before an act. */
interface Before {
  /** Metric that the act is to improve, as `brain.load`; undefined where there is none. */
  watched: string | undefined;
  /** Metric of the calls that come. */
  demanded: string;
  values: number[];
  demand: number[];
}

const ACTS: Record<ActionType, Act> = {
  adjustResourceAllocation: adjustResources,
  scaleService: scale,
  scaleSystem: scale,
  heal,
  shed,
  throttle,
  setFlag,
  clearCache,
  alert,
};

/** Longest time of one action, ms. */
const LONGEST_MS = 100_000;
const OBSERVE_MS = 15_000;

/** Carries out one action of a rule when its turn has come, has its effect watched, and takes back what made things worse. */
export class Performer {
  readonly #options: PerformerOptions;

  constructor(options: PerformerOptions) {
    this.#options = options;
  }

  /** Never rejects: what could not be done is said in `done`. @returns the follow-up of what was done */
  async carryOut(firing: Firing, action: RuleAction, done: ActionResult): Promise<FollowUp | undefined> {
    const { rule } = firing;
    try {
      const target = targetOf(action.target, await this.#options.topology());
      return await this.#options.turns.take(target.system, () => this.#inTurn(firing, action, done));
    } catch (error) {
      const { message, type } = error as { message: string; type?: string };
      const refused = error instanceof Refused || REFUSALS.has(type ?? "");
      done.status = refused ? "refused" : "failed";
      done.what = done.what && !refused ? `${done.what}: ${message}` : message;
      if (!refused) this.#options.logger.warn(`${rule.id}: ${action.type} of ${action.target} failed: ${message}`);
      return undefined;
    }
  }

  async #inTurn(firing: Firing, action: RuleAction, done: ActionResult): Promise<FollowUp | undefined> {
    const { rule, by } = firing;
    if (by === "rules" && this.#options.isActive?.(rule.id) === false)
      throw new Refused("its conditions had ceased to hold when its turn came");
    // Who is there may have changed while it waited.
    const target = targetOf(action.target, await this.#options.topology());
    const plan = async () => {
      const made = await this.#plan(firing, action, target);
      done.what = made.what;
      if (made.isThere) done.status = "unchanged";
      else if (rule.mode === "shadow") Object.assign(done, { status: "shadow", what: `would: ${made.what}` });
      else return made;
      return undefined;
    };
    let planned = await plan();
    if (!planned) return undefined;
    const pushes = pushesOf(action);
    if (by === "rules") this.#mustBeAllowed(rule.id, target, pushes, planned);
    const before = this.#before(firing, action, target, pushes);
    // From now on the effect of what was done before cannot be told from this one's. What is taken back is no ground to build on.
    const isOther = await this.#options.followUps.conclude(target.system);
    if (isOther) {
      if (by === "rules") this.#mustBeOver(rule.id, target, pushes);
      planned = await plan();
      if (!planned) return undefined;
      Object.assign(before, { values: [], demand: [] });
    }
    await firing.announce();
    return this.#change(firing, action, target, planned, done, before);
  }

  async #plan({ rule, why, by }: Firing, action: RuleAction, target: Target): Promise<Plan> {
    const { clock, ports } = this.#options;
    return ACTS[action.type]({
      action,
      parameters: action.parameters ?? {},
      target,
      topology: await this.#options.topology(),
      rule: rule.id,
      why: why.why,
      by,
      now: clock.now(),
      ports,
      values: this.#options.values,
      holdings: this.#options.holdings,
    });
  }

  /** The metric that is watched, and what it and the calls that came were before the act. */
  #before({ why, by }: Firing, action: RuleAction, target: Target, pushes: readonly Push[]): Before {
    const watched = watchedOf(action, target, pushes, why, (metric) => this.#options.values.now(metric) !== null);
    const demanded = `${target.system}.requestRate`;
    // How it was before the rule's conditions held is not what the act is to make better.
    const held = Math.min(COMPARED_TICKS, Math.max(LEAST_VALUES, Math.ceil(why.heldFor / 1000)));
    const ticks = by === "rules" ? held : COMPARED_TICKS;
    return {
      watched,
      demanded,
      values: this.#options.followUps.before(watched ?? "", ticks),
      demand: this.#options.followUps.before(demanded, ticks),
    };
  }

  async #change(
    { rule, why, by, tell }: Firing,
    action: RuleAction,
    target: Target,
    plan: Plan,
    done: ActionResult,
    { watched, demanded, values, demand }: Before,
  ): Promise<FollowUp | undefined> {
    const { clock, logger, ports } = this.#options;
    const pushes = pushesOf(action);
    done.what = await this.#within(plan.carryOut(), plan.what).then((seen) =>
      seen ? `${plan.what}: ${seen}` : plan.what,
    );
    done.status = "done";
    logger.info(`${rule.id}: ${done.what} (${why.why})`);
    ports.acted({ target: target.name, services: target.services.map(({ name }) => name), what: plan.what });
    if (!watched) return undefined;
    done.effect = { metric: watched, before: mean(values), after: null, verdict: "watching", rolledBack: false };
    const made = this.#heldOf(target, pushes);
    const { promise, resolve } = Promise.withResolvers<void>();
    const span = (action.parameters?.["observe"] as number | undefined) ?? OBSERVE_MS;
    const judged = async ({ verdict, before, after, why: reason }: Judgement, isInTurn: boolean) => {
      const effect = { metric: watched, before, after, verdict, rolledBack: false, why: reason };
      if (verdict === "better")
        for (const { lever } of pushes) this.#options.backoffs.helped(rule.id, target.name, lever);
      if (verdict === "worse" && by === "rules")
        effect.rolledBack = await this.#rollBack(rule.id, target, pushes, plan, { made, why: reason, isInTurn });
      done.effect = effect;
      void tell().then(resolve);
      return effect.rolledBack;
    };
    const watch = { target: target.system, metric: watched, demand: demanded, span, judged };
    this.#options.followUps.watch(watch, { metric: values, demand }, clock.now());
    return { ended: promise };
  }

  #mustBeAllowed(rule: string, target: Target, pushes: readonly Push[], plan: Plan): void {
    this.#mustBeOver(rule, target, pushes);
    const now = this.#options.clock.now();
    for (const { lever, direction } of pushes) {
      // Nodes are the organ's, whichever of its services is named.
      const whose = lever === "instances" ? target.system : target.name;
      const answer = this.#options.flaps?.allow(whose, lever, direction || plan.direction || 0, rule, now);
      if (answer && !answer.ok) throw new Refused(answer.why);
    }
  }

  /** @throws Refused while what made things worse is left alone */
  #mustBeOver(rule: string, target: Target, pushes: readonly Push[]): void {
    for (const { lever } of pushes) {
      const left = this.#options.backoffs.left(rule, target.name, lever, this.#options.clock.now());
      if (left)
        throw new Refused(
          `it made things worse the last time (${left.why}); it is tried again in ${Math.ceil(left.ms / 1000)} s`,
        );
    }
  }

  async #rollBack(
    rule: string,
    target: Target,
    pushes: readonly Push[],
    plan: Plan,
    { made, why, isInTurn }: { made: readonly (Held | undefined)[]; why: string; isInTurn: boolean },
  ): Promise<boolean> {
    const { clock, logger } = this.#options;
    for (const { lever } of pushes) this.#options.backoffs.worse(rule, target.name, lever, why, clock.now());
    const { undo } = plan;
    if (!undo) return false;
    const takeBack = async () => {
      // Another act has built on it, or it was given back: what was before it is no longer right.
      if (this.#heldOf(target, pushes).some((held, i) => held !== made[i])) return false;
      await this.#within(undo(), `takes back: ${plan.what}`);
      logger.info(`${rule}: took back that it ${plan.what}, since ${why}`);
      return true;
    };
    try {
      return await (isInTurn ? takeBack() : this.#options.turns.take(target.system, takeBack));
    } catch (error) {
      logger.warn(`${rule}: could not take back that it ${plan.what}: ${(error as Error).message}`);
      return false;
    }
  }

  /** What is held by these levers now; nodes are held of the whole organ. */
  #heldOf({ name, system }: Target, pushes: readonly Push[]): (Held | undefined)[] {
    return pushes.map(({ lever }) => this.#options.holdings.find(lever === "instances" ? system : name, lever));
  }

  /** @throws what it throws, or that it took too long */
  #within<T>(work: Promise<T>, what: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#options.clock.after(LONGEST_MS, () =>
        reject(new Error(`${what}: no end within ${LONGEST_MS / 1000} s`)),
      );
      work.then(resolve, reject).finally(cancel);
    });
  }
}

/** Errors that say that nothing was done. */
const REFUSALS = new Set([
  "HEALING_REFUSED",
  "HEALING_COOLDOWN",
  "HEALING_ACTION_UNKNOWN",
  "VALIDATION_ERROR",
  "SERVICE_UNKNOWN",
  "CONFLICT",
  "RATE_LIMITED",
]);

function mean(values: readonly number[]): number | null {
  return values.length === 0
    ? null
    : Math.round((values.reduce((sum, one) => sum + one, 0) / values.length) * 100) / 100;
}
