import type { ActionType, RuleAction } from "../../../../models/rules.ts";
import type { Topology } from "../../../../models/topology.ts";
import { type Clock, within } from "../../../../runtime/clock.ts";
import { pushesOf } from "../../../../runtime/rules/levers.ts";
import { type Act, LONGEST_ACT_MS, type Plan } from "./acts/act.ts";
import { setFlag, shed, throttle } from "./acts/held-acts.ts";
import { adjustResources } from "./acts/resources.ts";
import { scale } from "./acts/scaling.ts";
import { alert, clearCache, heal } from "./acts/simple-acts.ts";
import type { Clearance } from "./clearance.ts";
import type { Effects, FollowUp } from "./effects.ts";
import { type ActionResult, type Firing, STOPS } from "./firing.ts";
import type { FollowUps } from "./follow-ups.ts";
import type { Holdings } from "./holdings.ts";
import type { ActionPorts } from "./ports.ts";
import type { RecentValues } from "./recent-values.ts";
import { Refused, refuse } from "./refused.ts";
import { type Target, targetOf } from "./targets.ts";
import type { Turns } from "./turns.ts";

export interface PerformerOptions {
  ports: ActionPorts;
  /** Monotonic. */
  clock: Clock;
  logger: { info(text: string): void; warn(text: string): void };
  values: RecentValues;
  followUps: FollowUps;
  holdings: Holdings;
  clearance: Clearance;
  effects: Effects;
  turns: Turns;
  topology(): Promise<Topology>;
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

/** Carries out one action of a rule when its turn has come, where it may, and has its effect watched. */
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
    const { clearance, effects, followUps, topology } = this.#options;
    const { rule, by } = firing;
    if (firing.isStopped()) refuse(STOPS);
    if (by === "rules" && firing.isOver()) refuse("its conditions had ceased to hold when its turn came");
    // Who is there may have changed while it waited.
    const target = targetOf(action.target, await topology());
    let plan = await this.#plan(firing, action, target, done);
    if (!plan) return undefined;
    const pushes = pushesOf(action);
    if (by === "rules") clearance.mustBeAllowed(rule.id, target, pushes, plan.direction ?? 0);
    const before = effects.before(firing, action, target, pushes);
    // From now on the effect of what was done before cannot be told from this one's. What is taken back is no ground to build on.
    if (await followUps.conclude(target.system)) {
      if (by === "rules") clearance.mustBeOver(rule.id, target, pushes);
      plan = await this.#plan(firing, action, target, done);
      if (!plan) return undefined;
      Object.assign(before, { values: [], demand: [] });
    }
    await firing.announce();
    if (firing.isStopped()) refuse(STOPS);
    await this.#change(firing, target, plan, done);
    return effects.follow(firing, { action, target, pushes, plan }, before, done);
  }

  /** Nothing where there is nothing to be done: `done` says why. */
  async #plan(
    { rule, why, by }: Firing,
    action: RuleAction,
    target: Target,
    done: ActionResult,
  ): Promise<Plan | undefined> {
    const { clock, ports, values, holdings, topology } = this.#options;
    const plan = await ACTS[action.type]({
      action,
      parameters: action.parameters ?? {},
      target,
      topology: await topology(),
      rule: rule.id,
      why: why.why,
      by,
      now: clock.now(),
      ports,
      values,
      holdings,
    });
    done.what = plan.what;
    if (plan.isThere) done.status = "unchanged";
    else if (rule.mode === "shadow") Object.assign(done, { status: "shadow", what: `would: ${plan.what}` });
    else return plan;
    return undefined;
  }

  async #change({ rule, why }: Firing, target: Target, plan: Plan, done: ActionResult): Promise<void> {
    const { clock, logger, ports } = this.#options;
    const late = `${plan.what}: no end within ${LONGEST_ACT_MS / 1000} s`;
    const seen = await within(clock, LONGEST_ACT_MS, plan.carryOut(), late);
    done.what = seen ? `${plan.what}: ${seen}` : plan.what;
    done.status = "done";
    logger.info(`${rule.id}: ${done.what} (${why.why})`);
    ports.acted({ target: target.name, services: target.services.map(({ name }) => name), what: plan.what });
  }
}
