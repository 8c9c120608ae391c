import { randomUUID } from "node:crypto";
import type { ActionType, CompleteRule, ExecutionResult, RuleAction, RuleWhy } from "../../../../models/symbiosis.ts";
import type { Clock } from "../../../../runtime/clock.ts";
import type { Columns } from "../../../../runtime/rules/columns.ts";
import { type Push, pushesOf } from "../../../../runtime/rules/levers.ts";
import type { Act, Plan } from "./acts/act.ts";
import { setFlag, shed, throttle } from "./acts/held-acts.ts";
import { adjustResources } from "./acts/resources.ts";
import { scale } from "./acts/scaling.ts";
import { alert, clearCache, heal } from "./acts/simple-acts.ts";
import { Backoffs } from "./backoffs.ts";
import { COMPARED_TICKS, FollowUps } from "./follow-ups.ts";
import { giveBack } from "./give-back-durable.ts";
import { type Held, shownValue } from "./held.ts";
import { Holdings } from "./holdings.ts";
import { actorSnapshot, type KeptHeld, keptHeld } from "./kept-held.ts";
import { Lender, RENEW_MS } from "./lender.ts";
import type { ActionPorts } from "./ports.ts";
import { RecentValues } from "./recent-values.ts";
import { Refused } from "./refused.ts";
import { Repeats } from "./repeats.ts";
import { type Target, targetOf } from "./targets.ts";
import { Turns } from "./turns.ts";
import { type Judgement, LEAST_VALUES } from "./verdict.ts";
import { watchedOf } from "./watched-metric.ts";

export interface RuleActorOptions {
  ports: ActionPorts;
  columns: Columns;
  /** Monotonic. */
  clock: Clock;
  logger: { info(text: string): void; warn(text: string): void };
  /** Called before the first thing that a firing changes, and waited for; not where it changes nothing. @default nobody */
  announce?(rule: CompleteRule, why: RuleWhy, by: "rules" | "operator"): Promise<void>;
  /** Called when a firing was carried out, and again with the same id when an effect is known. */
  keep(result: ExecutionResult): Promise<void>;
  /** ms since the epoch. @default Date.now */
  wall?(): number;
  /** Asked before a lever is pushed. @default everything is allowed */
  flaps?: {
    allow(
      target: string,
      lever: string,
      direction: 1 | -1 | 0,
      rule: string,
      now: number,
    ): { ok: true } | { ok: false; why: string };
  };
  /** Asked when an act's turn has come: acts of one system wait for each other. @default it is still active */
  isActive?(rule: string): boolean;
  /**
   * Called when the list of what outlives the engine changes. It is waited for before such an act, a second at most; where it
   * throws, the act is refused, since nobody would give back what is not on the list.
   */
  remember?(): Promise<void> | void;
}

/** In an object, so that nobody awaits it who only waits for the act. */
interface FollowUp {
  ended: Promise<void>;
}
type ActionResult = ExecutionResult["actions"][number];

/** A rule that is being carried out. */
interface Firing {
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
/** Values are taken once in this time, ms. */
const SAMPLE_MS = 900;
/** How busy the machine is is looked at once in this time, ms. */
const MACHINE_MS = 5000;
/** Rules that act at one time. */
const MOST_AT_ONCE = 50;
const REMEMBER_MS = 1000;

/** Carries out what rules want, within bounds; watches what becomes of it, and takes back what made things worse. */
export class RuleActor {
  readonly #options: RuleActorOptions;
  readonly #values: RecentValues;
  readonly #followUps: FollowUps;
  readonly #holdings: Holdings;
  readonly #backoffs: Backoffs;
  readonly #repeats = new Repeats();
  readonly #acting = new Set<string>();
  readonly #turns = new Turns();
  readonly #effects = new Set<Promise<void>>();
  #epoch = 1;
  #sampledAt = Number.NEGATIVE_INFINITY;
  #topologyAt = Number.NEGATIVE_INFINITY;
  #machineAt = Number.NEGATIVE_INFINITY;
  #stopped = false;
  /** Firings that were left out, since the last one of the rule or too many others were under way. */
  skipped = 0;

  constructor(options: RuleActorOptions) {
    this.#options = options;
    const { ports, clock, columns } = options;
    this.#values = new RecentValues(columns, COMPARED_TICKS);
    this.#followUps = new FollowUps(this.#values);
    this.#backoffs = new Backoffs();
    this.#holdings = new Holdings({
      lender: new Lender(ports, () => this.#epoch),
      now: () => clock.now(),
      value: (metric) => this.#values.now(metric),
      giveBack: async (held, to) => {
        const direction = held.kind === "nodes" && held.value.to < held.value.before ? 1 : -1;
        const allowed = this.#options.flaps?.allow(held.target, held.lever, direction, held.rule, clock.now());
        if (allowed && !allowed.ok) throw new Error(allowed.why);
        await giveBack(ports, await this.#topology(), held, to);
      },
      inTurn: (system, work) => this.#turns.take(system, work),
      changed: () => this.#remember(),
      onTrouble: (what) => options.logger.warn(what),
    });
  }

  /**
   * Carries a rule's actions out, one after the other. Never rejects: what could not be done is said in the result.
   * @param o.wait answers only when the effects are known. @default false
   */
  async act(
    rule: CompleteRule,
    why: RuleWhy,
    { by = "rules", wait = false }: { by?: "rules" | "operator"; wait?: boolean } = {},
  ): Promise<ExecutionResult> {
    const result: ExecutionResult = {
      id: randomUUID(),
      rule: rule.id,
      at: new Date(this.#wall()).toISOString(),
      mode: rule.mode,
      why,
      actions: [],
    };
    const hindrance = this.#hindrance(rule.id);
    if (hindrance !== undefined) {
      this.skipped++;
      result.actions = rule.actions.map(({ type, target }) => ({ type, target, status: "refused", what: hindrance }));
      if (by === "operator" || !this.#repeats.isRepeat(result, this.#options.clock.now())) await this.#keep(result);
      return result;
    }
    this.#acting.add(rule.id);
    const effects: Promise<void>[] = [];
    let announced: Promise<void> | undefined;
    const firing: Firing = {
      rule,
      why,
      by,
      announce: () => {
        announced ??= this.#options.announce?.(rule, why, by) ?? Promise.resolve();
        return announced;
      },
      tell: () => this.#keep(result),
    };
    try {
      for (const action of rule.actions) {
        const done: ActionResult = { type: action.type, target: action.target, status: "failed", what: "" };
        result.actions.push(done);
        const effect = await this.#one(firing, action, done);
        if (effect) effects.push(effect.ended);
      }
    } finally {
      this.#acting.delete(rule.id);
    }
    if (by === "operator" || !this.#repeats.isRepeat(result, this.#options.clock.now())) await this.#keep(result);
    for (const effect of effects) {
      this.#effects.add(effect);
      void effect.finally(() => this.#effects.delete(effect));
    }
    if (wait) await Promise.all(effects);
    return result;
  }

  /** Its conditions hold no longer: what it holds is given back in steps. */
  ended(rule: string): void {
    this.#holdings.ended(rule);
  }

  /** @param active ids of rules that are active; what others hold is given back */
  tick(now: number = this.#options.clock.now(), active?: Iterable<string>): void {
    if (now - this.#sampledAt >= SAMPLE_MS) {
      this.#sampledAt = now;
      this.#values.take();
      this.#followUps.tick(now);
    }
    if (now - this.#machineAt >= MACHINE_MS) {
      this.#machineAt = now;
      this.#options.ports.machine();
    }
    if (active) this.#holdings.onlyActive(new Set(active));
    if (this.#holdings.list().length > 0 && now - this.#topologyAt >= RENEW_MS) {
      this.#topologyAt = now;
      void this.#topology().catch(() => {});
    }
    this.#holdings.tick(now);
  }

  /** What rules hold now; `since` in ISO 8601. */
  held(): {
    target: string;
    lever: string;
    value: number | string | boolean;
    since: string;
    rule: string;
    ending: boolean;
  }[] {
    const now = this.#options.clock.now();
    return this.#holdings.list().map((held) => ({
      target: held.target,
      lever: held.lever,
      value: shownValue(held),
      since: new Date(this.#wall() - (now - held.since)).toISOString(),
      rule: held.rule,
      ending: held.ended !== undefined,
    }));
  }

  /** Flags that are set now. */
  flags(): { flag: string; value: boolean | number | string; target: string; rule: string }[] {
    return this.#holdings
      .list()
      .flatMap(({ kind, value, target, rule }) =>
        kind === "flag" ? [{ ...(value as { flag: string; value: string }), target, rule }] : [],
      );
  }

  /** All that a next engine needs to give back, or to go on holding. */
  snapshot(): unknown {
    return actorSnapshot(this.#epoch, this.#holdings.list(), this.#options.clock.now(), this.#wall());
  }

  /** Takes over what the last engine held. It is given back in steps unless its rule fires again. Never throws. */
  restore(snapshot: unknown): void {
    const { epoch, held } = keptHeld(snapshot, this.#options.clock.now(), this.#wall());
    this.#epoch = epoch + 1;
    for (const one of held) {
      try {
        this.#holdings.put(one);
      } catch {
        return;
      }
    }
  }

  /** What is lent ends by itself; what is not stays in the list for the next engine. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#followUps.stop();
    await Promise.allSettled([...this.#effects]);
    await this.#remember().catch(({ message }: Error) =>
      this.#options.logger.warn(`what rules hold could not be stored: ${message}`),
    );
  }

  #hindrance(rule: string): string | undefined {
    if (this.#stopped) return "the engine stops";
    if (this.#acting.has(rule)) return "its last firing is still being carried out";
    if (this.#acting.size >= MOST_AT_ONCE) return `${MOST_AT_ONCE} rules act already`;
    return undefined;
  }

  async #one(firing: Firing, action: RuleAction, done: ActionResult): Promise<FollowUp | undefined> {
    const { rule } = firing;
    try {
      const target = targetOf(action.target, await this.#topology());
      return await this.#turns.take(target.system, () => this.#inTurn(firing, action, done));
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
    const target = targetOf(action.target, await this.#topology());
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
    const isOther = await this.#followUps.conclude(target.system);
    if (isOther) {
      if (by === "rules") this.#mustBeOver(rule.id, target, pushes);
      planned = await plan();
      if (!planned) return undefined;
      Object.assign(before, { values: [], demand: [] });
    }
    await firing.announce();
    return this.#carryOut(firing, action, target, planned, done, before);
  }

  async #plan({ rule, why, by }: Firing, action: RuleAction, target: Target): Promise<Plan> {
    const { clock, ports } = this.#options;
    return ACTS[action.type]({
      action,
      parameters: action.parameters ?? {},
      target,
      topology: await this.#topology(),
      rule: rule.id,
      why: why.why,
      by,
      now: clock.now(),
      ports,
      values: this.#values,
      holdings: this.#holdings,
    });
  }

  /** The metric that is watched, and what it and the calls that came were before the act. */
  #before({ why, by }: Firing, action: RuleAction, target: Target, pushes: readonly Push[]): Before {
    const watched = watchedOf(action, target, pushes, why, (metric) => this.#values.now(metric) !== null);
    const demanded = `${target.system}.requestRate`;
    // How it was before the rule's conditions held is not what the act is to make better.
    const held = Math.min(COMPARED_TICKS, Math.max(LEAST_VALUES, Math.ceil(why.heldFor / 1000)));
    const ticks = by === "rules" ? held : COMPARED_TICKS;
    return {
      watched,
      demanded,
      values: this.#followUps.before(watched ?? "", ticks),
      demand: this.#followUps.before(demanded, ticks),
    };
  }

  async #carryOut(
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
      if (verdict === "better") for (const { lever } of pushes) this.#backoffs.helped(rule.id, target.name, lever);
      if (verdict === "worse" && by === "rules")
        effect.rolledBack = await this.#rollBack(rule.id, target, pushes, plan, { made, why: reason, isInTurn });
      done.effect = effect;
      void tell().then(resolve);
      return effect.rolledBack;
    };
    const watch = { target: target.system, metric: watched, demand: demanded, span, judged };
    this.#followUps.watch(watch, { metric: values, demand }, clock.now());
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
      const left = this.#backoffs.left(rule, target.name, lever, this.#options.clock.now());
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
    for (const { lever } of pushes) this.#backoffs.worse(rule, target.name, lever, why, clock.now());
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
      return await (isInTurn ? takeBack() : this.#turns.take(target.system, takeBack));
    } catch (error) {
      logger.warn(`${rule}: could not take back that it ${plan.what}: ${(error as Error).message}`);
      return false;
    }
  }

  /** What is held by these levers now; nodes are held of the whole organ. */
  #heldOf({ name, system }: Target, pushes: readonly Push[]): (Held | undefined)[] {
    return pushes.map(({ lever }) => this.#holdings.find(lever === "instances" ? system : name, lever));
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

  async #topology() {
    const topology = await this.#options.ports.topology();
    this.#holdings.topology = topology;
    return topology;
  }

  /** @throws why it could not be stored */
  async #remember(): Promise<void> {
    const { remember, clock } = this.#options;
    if (!remember) return;
    const late = Promise.withResolvers<void>();
    const cancel = clock.after(REMEMBER_MS, () => late.resolve());
    try {
      await Promise.race([remember(), late.promise]);
    } finally {
      cancel();
    }
  }

  async #keep(result: ExecutionResult): Promise<void> {
    try {
      await this.#options.keep(result);
    } catch (error) {
      this.#options.logger.warn(`what came of ${result.rule} could not be kept: ${(error as Error).message}`);
    }
  }

  #wall(): number {
    return (this.#options.wall ?? Date.now)();
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

export type { Held, KeptHeld };
