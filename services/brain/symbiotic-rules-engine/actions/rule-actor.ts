import type { ExecutionResult, RuleWhy } from "../../../../models/rule-results.ts";
import type { CompleteRule } from "../../../../models/rules.ts";
import type { Topology } from "../../../../models/topology.ts";
import type { Columns } from "../../../../runtime/rules/columns.ts";
import { Backoffs } from "./backoffs.ts";
import { Clearance, type Flaps } from "./clearance.ts";
import { Effects } from "./effects.ts";
import { STOPS } from "./firing.ts";
import { Firings, type FiringsOptions } from "./firings.ts";
import { COMPARED_TICKS, FollowUps } from "./follow-ups.ts";
import { giveBack } from "./give-back-durable.ts";
import { flagsOf, type Held, type ShownFlag, type ShownHeld, shownHeld } from "./held.ts";
import { Holdings } from "./holdings.ts";
import { actorSnapshot, keptHeld } from "./kept-held.ts";
import { Lender, RENEW_MS } from "./lender.ts";
import { Performer } from "./performer.ts";
import type { ActionPorts } from "./ports.ts";
import { RecentValues } from "./recent-values.ts";
import { Turns } from "./turns.ts";

export interface RuleActorOptions extends Omit<FiringsOptions, "performer" | "wall"> {
  ports: ActionPorts;
  columns: Columns;
  logger: { info(text: string): void; warn(text: string): void };
  /** ms since the epoch. @default Date.now */
  wall?(): number;
  /** Asked before a lever is pushed. @default everything is allowed */
  flaps?: Flaps;
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
const REMEMBER_MS = 1000;

/** Carries out what rules want, within bounds; watches what becomes of it, and takes back what made things worse. */
export class RuleActor {
  readonly #options: RuleActorOptions;
  readonly #wall: () => number;
  readonly #values: RecentValues;
  readonly #followUps: FollowUps;
  readonly #holdings: Holdings;
  readonly #firings: Firings;
  #epoch = 1;
  #sampledAt = Number.NEGATIVE_INFINITY;
  #topologyAt = Number.NEGATIVE_INFINITY;
  #machineAt = Number.NEGATIVE_INFINITY;
  /** The next engine may have taken the list over. */
  #isClosed = false;

  constructor(options: RuleActorOptions) {
    this.#options = options;
    const { ports, clock, columns, logger, flaps, wall = Date.now } = options;
    this.#wall = () => wall();
    const turns = new Turns();
    const topology = () => this.#topology();
    const values = new RecentValues(columns, COMPARED_TICKS);
    const followUps = new FollowUps(values);
    const holdings = new Holdings({
      lender: new Lender(ports, () => this.#epoch),
      now: () => clock.now(),
      value: (metric) => values.now(metric),
      giveBack: (held, to) => this.#giveBack(held, to),
      inTurn: (system, work) => turns.take(system, work),
      changed: () => this.#remember(),
      onTrouble: (what) => logger.warn(what),
    });
    const backoffs = new Backoffs();
    const clearance = new Clearance({ clock, backoffs, flaps });
    const shared = { clock, logger, values, followUps, holdings, turns };
    const effects = new Effects({ ...shared, backoffs });
    const performer = new Performer({ ...shared, ports, clearance, effects, topology });
    this.#values = values;
    this.#followUps = followUps;
    this.#holdings = holdings;
    this.#firings = new Firings({ ...options, performer, wall: this.#wall });
  }

  /** Firings that were left out, since the last one of the rule or too many others were under way. */
  get skipped(): number {
    return this.#firings.skipped;
  }

  /**
   * Carries a rule's actions out, one after the other. Never rejects: what could not be done is said in the result.
   * @param o.wait answers only when the effects are known. @default false
   */
  act(
    rule: CompleteRule,
    why: RuleWhy,
    { by = "rules", wait = false }: { by?: "rules" | "operator"; wait?: boolean } = {},
  ): Promise<ExecutionResult> {
    return this.#firings.act(rule, why, by, wait);
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

  /** What rules hold now. */
  held(): ShownHeld[] {
    return shownHeld(this.#holdings.list(), this.#options.clock.now(), this.#wall());
  }

  /** Flags that are set now. */
  flags(): ShownFlag[] {
    return flagsOf(this.#holdings.list());
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
    this.#firings.stop();
    this.#followUps.stop();
    await this.#firings.settled();
    await this.#remember().catch(({ message }: Error) =>
      this.#options.logger.warn(`what rules hold could not be stored: ${message}`),
    );
    this.#isClosed = true;
  }

  async #giveBack(held: Held, to: Held["value"] | "release"): Promise<void> {
    const { flaps, ports, clock } = this.#options;
    const direction = held.kind === "nodes" && held.value.to < held.value.before ? 1 : -1;
    const allowed = flaps?.allow(held.target, held.lever, direction, held.rule, clock.now());
    if (allowed && !allowed.ok) throw new Error(allowed.why);
    await giveBack(ports, await this.#topology(), held, to);
  }

  async #topology(): Promise<Topology> {
    const topology = await this.#options.ports.topology();
    this.#holdings.topology = topology;
    return topology;
  }

  /** @throws why it could not be stored */
  async #remember(): Promise<void> {
    const { remember, clock } = this.#options;
    if (this.#isClosed) throw new Error(STOPS);
    if (!remember) return;
    const late = Promise.withResolvers<void>();
    const cancel = clock.after(REMEMBER_MS, () => late.resolve());
    try {
      await Promise.race([remember(), late.promise]);
    } finally {
      cancel();
    }
  }
}
