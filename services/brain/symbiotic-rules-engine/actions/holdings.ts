import type { LendingState } from "../../../../models/lending.ts";
import { ORGANISM, type RuleSystem } from "../../../../models/symbiosis.ts";
import type { Topology } from "../../../../models/topology.ts";
import type { Lever } from "../../../../runtime/rules/levers.ts";
import { nextStep, REST_MS, WINDOWS } from "./give-back.ts";
import { type Held, isDurable } from "./held.ts";
import { HighestNeed } from "./highest-need.ts";
import { type Lender, RENEW_MS } from "./lender.ts";
import { refuse } from "./refused.ts";
import { targetOf } from "./targets.ts";

/** Most that is held at one time. */
const MOST = 500;
/** A rest that doubled is forgotten after this time without a new fire, ms. */
const FORGET_MS = 600_000;
const LONGEST_REST_MS = 300_000;
/** So long what the last engine held is kept where it is not known yet which rules are active, ms. */
const UNDECIDED_MS = 60_000;

export interface HoldingsOptions {
  lender: Lender;
  now(): number;
  /** Value of a metric, as `brain.cpu`; null where it is not known. */
  value(metric: string): number | null;
  /** Gives nodes or memory back, which nobody is lent. @throws where that cannot be done now */
  giveBack(held: Held, to: Held["value"] | "release"): Promise<void>;
  /** Acts on a system wait for each other, and for what is given back of it. */
  inTurn(system: string, work: () => Promise<void>): Promise<void>;
  /** Called before and after what is durable is changed. @throws why it could not be stored */
  changed(): Promise<void> | void;
  onTrouble(what: string): void;
}

interface Entry {
  held: Held;
  need: HighestNeed | undefined;
  rest: number;
  /** A step down is under way. */
  busy: boolean;
  /** It comes from the last engine. */
  restored: boolean;
  /** Not before this moment, after a step down that failed. */
  notBefore: number;
}

/** Everything that rules hold: renewed while it is wanted, and given back in steps when it is not. */
export class Holdings {
  readonly #options: HoldingsOptions;
  readonly #entries = new Map<string, Entry>();
  /** Rest of what was given back lately, in case that its rule fires again. */
  readonly #rests = new Map<string, { rest: number; at: number }>();
  #topology: Topology | undefined;
  #renewedAt = Number.NEGATIVE_INFINITY;
  #telling: Promise<unknown> = Promise.resolve();
  /** The next word, which has not begun. */
  #toTell: Promise<Map<string, LendingState | Error>> | undefined;
  #hadSome = false;
  /** Somebody has said which rules are active. */
  #isDecided = false;

  constructor(options: HoldingsOptions) {
    this.#options = options;
  }

  get topology(): Topology | undefined {
    return this.#topology;
  }

  set topology(topology: Topology) {
    this.#topology = topology;
  }

  list(): Held[] {
    return [...this.#entries.values()].map(({ held }) => held);
  }

  find(target: string, lever: Lever): Held | undefined {
    return this.#entries.get(keyOf(target, lever))?.held;
  }

  /** Holds something that nodes are lent, and answers with what they have made of it. */
  async hold(held: Held): Promise<string> {
    const key = keyOf(held.target, held.lever);
    const before = this.#entries.get(key)?.held;
    this.put(held);
    if (isDurable(held)) return "";
    const states = await this.#tell();
    const nodes = this.#nodesOf(held.target);
    const failed = nodes.filter((node) => states.get(node) instanceof Error);
    if (held.kind !== "flag" && failed.length === nodes.length) {
      if (before) this.put(before);
      else this.#entries.delete(key);
      throw new Error(
        nodes.length === 0
          ? `${held.target} is on no node that is up`
          : `${failed[0]}: ${(states.get(failed[0]!) as Error).message}`,
      );
    }
    return seenOn(held, nodes, states);
  }

  /** Enters something that outlives the engine, and waits until that is stored: only then may it be done. @throws Refused */
  async keep(held: Held): Promise<void> {
    const { target, lever } = held;
    const before = this.find(target, lever);
    this.put(held);
    try {
      await this.#options.changed();
    } catch (error) {
      if (before) this.put(before);
      else this.drop(target, lever);
      refuse(`it could not be given back after a restart of the engine: ${(error as Error).message}`);
    }
  }

  /** Enters what is held, without telling anybody. */
  put(held: Held): void {
    const key = keyOf(held.target, held.lever);
    const known = this.#entries.get(key);
    if (!known && this.#entries.size >= MOST) refuse(`rules hold ${MOST} things already, which is the most`);
    const { now } = this.#options;
    const changed = { ...held, since: known?.held.since ?? held.since, changed: now() };
    if (known) {
      if (held.ended === undefined) this.#again(known);
      known.held = changed;
      known.need?.reset();
      return;
    }
    const rested = this.#rests.get(key);
    const rest = rested && now() - rested.at < FORGET_MS ? Math.min(LONGEST_REST_MS, rested.rest * 2) : REST_MS;
    const window = WINDOWS[held.kind as keyof typeof WINDOWS] as number | undefined;
    this.#entries.set(key, {
      held: changed,
      need: window === undefined ? undefined : new HighestNeed(window),
      rest,
      busy: false,
      restored: held.ended !== undefined,
      notBefore: 0,
    });
  }

  /** As it was before an act. */
  async putBack(target: string, lever: Lever, before: Held | undefined): Promise<void> {
    const now = this.find(target, lever);
    if (before) this.put(before);
    else this.drop(target, lever);
    if (now && isDurable(now)) await this.#changed();
    else await this.#tell();
  }

  /** It has come about just now: what was needed before says nothing about it. */
  touch(target: string, lever: Lever): void {
    const entry = this.#entries.get(keyOf(target, lever));
    if (!entry) return;
    entry.held.changed = this.#options.now();
    entry.need?.reset();
  }

  /** Forgets it, without giving anything back. */
  drop(target: string, lever: Lever): void {
    const key = keyOf(target, lever);
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#rests.set(key, { rest: entry.rest, at: this.#options.now() });
    if (this.#rests.size > MOST) this.#rests.delete(this.#rests.keys().next().value!);
  }

  /** A rule is not active any more: what it holds is given back from now on. */
  ended(rule: string): void {
    for (const { held } of this.#entries.values())
      if (held.rule === rule && held.until === undefined) held.ended ??= this.#options.now();
  }

  /** Everything whose rule is not among these has ended; what was being given back and is among them has not. */
  onlyActive(rules: ReadonlySet<string>): void {
    this.#isDecided = true;
    for (const entry of this.#entries.values()) {
      const { held } = entry;
      if (held.until !== undefined) continue;
      if (rules.has(held.rule)) this.#again(entry);
      else held.ended ??= this.#options.now();
    }
  }

  tick(now: number): void {
    let told = false;
    for (const [key, entry] of [...this.#entries]) {
      const { held } = entry;
      if (held.until !== undefined && now >= held.until && !entry.busy) {
        if (isDurable(held)) held.ended ??= now;
        else {
          this.#entries.delete(key);
          told = true;
          continue;
        }
      }
      entry.need?.add(now, this.#needOf(held));
      if (entry.busy || now < entry.notBefore || this.#isUndecided(entry, now)) continue;
      const step = nextStep(held, {
        need: entry.need?.highest(now) ?? Number.POSITIVE_INFINITY,
        rest: entry.rest,
        now,
      });
      if (step === undefined) continue;
      if (isDurable(held)) void this.#stepDown(entry, step, now);
      else {
        if (step === "release") this.drop(held.target, held.lever);
        else Object.assign(held, { value: step, changed: now });
        entry.need?.reset();
        told = true;
      }
    }
    if (told || now - this.#renewedAt >= RENEW_MS) this.renew(now);
  }

  #isUndecided({ held, restored }: Entry, now: number): boolean {
    return restored && !this.#isDecided && now - (held.ended ?? now) < UNDECIDED_MS;
  }

  /** Says to all nodes again what they are lent. */
  renew(now: number): void {
    this.#renewedAt = now;
    if (this.#entries.size === 0 && !this.#hadSome) return;
    this.#hadSome = this.#entries.size > 0;
    void this.#tell();
  }

  async #stepDown(entry: Entry, step: Held["value"] | "release", now: number): Promise<void> {
    const { held } = entry;
    const { inTurn, giveBack, onTrouble } = this.#options;
    entry.busy = true;
    try {
      await inTurn(this.#systemOf(held.target) ?? ORGANISM, async () => {
        // An act may have had its turn before, and wants it.
        if (this.find(held.target, held.lever) !== held || held.ended === undefined) return;
        await giveBack(held, step);
        if (step === "release") this.drop(held.target, held.lever);
        else Object.assign(held, { value: step, changed: this.#options.now() });
        entry.need?.reset();
        await this.#changed();
      });
    } catch (error) {
      entry.notBefore = now + RETRY_MS;
      onTrouble(`${held.lever} of ${held.target} cannot be given back yet: ${(error as Error).message}`);
    } finally {
      entry.busy = false;
    }
  }

  async #changed(): Promise<void> {
    try {
      await this.#options.changed();
    } catch (error) {
      this.#options.onTrouble(`what rules hold could not be stored: ${(error as Error).message}`);
    }
  }

  /** Its rule is active again while it is being given back: that was too early, unless the engine itself was new. */
  #again(entry: Entry): void {
    if (entry.held.ended === undefined) return;
    if (entry.restored) entry.restored = false;
    else entry.rest = Math.min(LONGEST_REST_MS, entry.rest * 2);
    delete entry.held.ended;
  }

  /** One word after the other: an older one must not arrive behind a newer one. What comes meanwhile is in the next one. */
  #tell(): Promise<Map<string, LendingState | Error>> {
    this.#hadSome ||= this.#entries.size > 0;
    if (this.#toTell) return this.#toTell;
    const told = this.#telling.then(async () => {
      this.#toTell = undefined;
      if (!this.#topology) return new Map<string, LendingState | Error>();
      return this.#options.lender.tell(this.list(), this.#topology);
    });
    this.#toTell = told;
    this.#telling = told.catch(() => {});
    return told;
  }

  #needOf(held: Held): number | null {
    if (!this.#topology) return null;
    const system = this.#systemOf(held.target);
    // What is no part of the organism any more needs nothing.
    if (!system) return 0;
    const { value } = this.#options;
    if (held.kind === "memory") return value(`${system}.memoryUsage`);
    const [cpu, saturation] = [value(`${system}.cpu`), value(`${system}.saturation`)];
    if (cpu === null) return null;
    return (value(`${system}.queueDepth`) ?? 0) >= 1 ? 100 : Math.max(cpu, saturation ?? 0);
  }

  #systemOf(target: string): RuleSystem | undefined {
    try {
      return this.#topology && targetOf(target, this.#topology).system;
    } catch {
      return undefined;
    }
  }

  #nodesOf(target: string): string[] {
    try {
      return this.#topology ? targetOf(target, this.#topology).nodes : [];
    } catch {
      return [];
    }
  }
}

const RETRY_MS = 30_000;
const keyOf = (target: string, lever: Lever) => `${target}\n${lever}`;

function seenOn(held: Held, nodes: string[], states: ReadonlyMap<string, LendingState | Error>): string {
  if (held.kind === "flag")
    return `the flag ${held.value.flag} is ${JSON.stringify(held.value.value)} for ${held.target}`;
  return nodes
    .map((node) => {
      const state = states.get(node);
      if (state === undefined) return `${node}: not told`;
      if (state instanceof Error) return `${node}: ${state.message}`;
      if (held.kind !== "share") return `${node}: in force`;
      return `${node}: ${[...state.turned, ...state.not.map((why) => `not ${why}`)].join(", ") || "nothing to turn"}`;
    })
    .join("; ");
}
