import type { Topology } from "../../../../models/topology.ts";
import type { Lever } from "../../../../runtime/rules/levers.ts";
import { GivingBack, type GivingBackOptions } from "./giving-back.ts";
import { type Held, isDurable } from "./held.ts";
import { HeldTable } from "./held-table.ts";
import { Leases, type Told } from "./leases.ts";
import type { Lender } from "./lender.ts";
import { refuse } from "./refused.ts";
import { targetOf } from "./targets.ts";

export interface HoldingsOptions extends Omit<GivingBackOptions, "changed"> {
  lender: Lender;
  /** Called before and after what is durable is changed. @throws why it could not be stored */
  changed(): Promise<void> | void;
}

/** Everything that rules hold, as acts see it: renewed while it is wanted, and given back in steps when it is not. */
export class Holdings {
  /** Who is there, as far as is known. */
  topology: Topology | undefined;
  readonly #options: HoldingsOptions;
  readonly #table: HeldTable;
  readonly #leases: Leases;
  readonly #givingBack: GivingBack;

  constructor(options: HoldingsOptions) {
    this.#options = options;
    this.#table = new HeldTable(() => options.now());
    this.#leases = new Leases({
      lender: options.lender,
      held: () => this.#table.list(),
      topology: () => this.topology,
    });
    this.#givingBack = new GivingBack(this.#table, { ...options, changed: () => this.#changed() });
  }

  list(): Held[] {
    return this.#table.list();
  }

  find(target: string, lever: Lever): Held | undefined {
    return this.#table.find(target, lever);
  }

  /** Holds something that nodes are lent, and answers with what they have made of it. @throws where none has taken it */
  async hold(held: Held): Promise<string> {
    const { target, lever } = held;
    const before = this.find(target, lever);
    this.#table.put(held);
    if (isDurable(held)) return "";
    const told = await this.#leases.tell();
    const nodes = this.#nodesOf(target);
    const failed = nodes.filter((node) => told.get(node) instanceof Error);
    if (held.kind !== "flag" && failed.length === nodes.length) {
      if (before) this.#table.put(before);
      else this.#table.remove(target, lever);
      throw new Error(
        nodes.length === 0
          ? `${target} is on no node that is up`
          : `${failed[0]}: ${(told.get(failed[0]!) as Error).message}`,
      );
    }
    return seenOn(held, nodes, told);
  }

  /** Enters something that outlives the engine, and waits until that is stored: only then may it be done. @throws Refused */
  async keep(held: Held): Promise<void> {
    const { target, lever } = held;
    const before = this.find(target, lever);
    this.#table.put(held);
    try {
      await this.#options.changed();
    } catch (error) {
      this.#enter(target, lever, before);
      refuse(`it could not be given back after a restart of the engine: ${(error as Error).message}`);
    }
  }

  /** Enters what the last engine held, without telling anybody. @throws Refused where there is no room */
  restore(held: Held): void {
    this.#table.put(held);
  }

  /** As it was before an act. */
  async putBack(target: string, lever: Lever, before: Held | undefined): Promise<void> {
    const now = this.find(target, lever);
    this.#enter(target, lever, before);
    if (now && isDurable(now)) await this.#changed();
    else await this.#leases.tell();
  }

  /** It has come about just now: what was needed before says nothing about it. */
  touch(target: string, lever: Lever): void {
    this.#table.touch(target, lever);
  }

  /** Forgets it, without giving anything back. */
  drop(target: string, lever: Lever): void {
    this.#table.drop(target, lever);
  }

  /** A rule is not active any more: what it holds is given back from now on. */
  ended(rule: string): void {
    this.#table.ended(rule);
  }

  /** @param active rules that are active, where that is known; what others hold is given back */
  tick(now: number, active: ReadonlySet<string> | undefined): void {
    if (active) this.#table.onlyActive(active);
    this.#leases.tick(now, this.#givingBack.tick(now, this.topology));
  }

  #enter(target: string, lever: Lever, before: Held | undefined): void {
    if (before) this.#table.put(before);
    else this.#table.drop(target, lever);
  }

  async #changed(): Promise<void> {
    try {
      await this.#options.changed();
    } catch (error) {
      this.#options.onTrouble(`what rules hold could not be stored: ${(error as Error).message}`);
    }
  }

  #nodesOf(target: string): string[] {
    try {
      return this.topology ? targetOf(target, this.topology).nodes : [];
    } catch {
      return [];
    }
  }
}

/** What nodes have made of something that is held. */
function seenOn(held: Held, nodes: readonly string[], told: Told): string {
  if (held.kind === "flag")
    return `the flag ${held.value.flag} is ${JSON.stringify(held.value.value)} for ${held.target}`;
  return nodes
    .map((node) => {
      const state = told.get(node);
      if (state === undefined) return `${node}: not told`;
      if (state instanceof Error) return `${node}: ${state.message}`;
      if (held.kind !== "share") return `${node}: in force`;
      return `${node}: ${[...state.turned, ...state.not.map((why) => `not ${why}`)].join(", ") || "nothing to turn"}`;
    })
    .join("; ");
}
