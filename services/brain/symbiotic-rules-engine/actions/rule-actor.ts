import { randomUUID } from "node:crypto";
import type { CompleteRule, ExecutionResult, RuleWhy } from "../../../../models/symbiosis.ts";
import type { Clock } from "../../../../runtime/clock.ts";
import type { Columns } from "../../../../runtime/rules/columns.ts";
import { Backoffs } from "./backoffs.ts";
import { COMPARED_TICKS, FollowUps } from "./follow-ups.ts";
import { giveBack } from "./give-back-durable.ts";
import { type Held, shownValue } from "./held.ts";
import { Holdings } from "./holdings.ts";
import { actorSnapshot, type KeptHeld, keptHeld } from "./kept-held.ts";
import { Lender, RENEW_MS } from "./lender.ts";
import { type ActionResult, type Firing, type Flaps, Performer } from "./performer.ts";
import type { ActionPorts } from "./ports.ts";
import { RecentValues } from "./recent-values.ts";
import { Repeats } from "./repeats.ts";
import { Turns } from "./turns.ts";

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
  flaps?: Flaps;
  /** Asked when an act's turn has come: acts of one system wait for each other. @default it is still active */
  isActive?(rule: string): boolean;
  /**
   * Called when the list of what outlives the engine changes. It is waited for before such an act, a second at most; where it
   * throws, the act is refused, since nobody would give back what is not on the list.
   */
  remember?(): Promise<void> | void;
}

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
  readonly #performer: Performer;
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
    this.#performer = new Performer({
      ports,
      clock,
      logger: options.logger,
      values: this.#values,
      followUps: this.#followUps,
      holdings: this.#holdings,
      backoffs: new Backoffs(),
      turns: this.#turns,
      topology: () => this.#topology(),
      flaps: options.flaps,
      isActive: options.isActive?.bind(options),
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
        const effect = await this.#performer.carryOut(firing, action, done);
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
    if (this.#holdings.list().length > 0 && now - this.#topologyAt >= RENEW_MS) {
      this.#topologyAt = now;
      void this.#topology().catch(() => {});
    }
    this.#holdings.tick(now, active && new Set(active));
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
        this.#holdings.restore(one);
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

export type { Held, KeptHeld };
