import type { RuleWhy, Truth } from "../../models/rule-results.ts";
import type { CompleteRule, RuleFault } from "../../models/rules.ts";
import { AzoraError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import type { Columns } from "./columns.ts";
import { MOST_FIRINGS } from "./limits.ts";
import { LoadedRules } from "./loaded-rules.ts";
import { type RuleSnapshot, readSnapshot, recall, remember } from "./rule-memory.ts";
import { RuleReasons } from "./rule-reasons.ts";
import { ENDED, FIRES } from "./rule-timing.ts";
import { recallTimes, rememberTimes, type TimingSnapshot } from "./timing-memory.ts";
import { FALSE, TRUE, UNKNOWN } from "./truth.ts";
import { whyFaulty } from "./why.ts";

export interface Firing {
  rule: CompleteRule;
  why: RuleWhy;
}

export interface TickResult {
  /** By priority. */
  fired: Firing[];
  /** Ids of rules that were active and are not any more; shadow ones as well. */
  ended: string[];
  /** What rules in shadow mode would have done. */
  shadow: Firing[];
}

export interface EvaluatorStats {
  /** Enabled ones. */
  rules: number;
  active: number;
  /** Rules looked at by the last tick, and comparisons in all. */
  lookedAt: number;
  comparisons: number;
  /** Firings put off to a later tick since there were too many at once. */
  postponed: number;
}

const TRUTH_NUMBERS = [FALSE, UNKNOWN, TRUE];

/**
 * Evaluates rules over a table of columns. A tick costs what has changed: the comparisons over changed columns, the rules
 * whose truth turned by them, and those whose time has come. `now` is monotonic, ms; a `now` that goes back counts as the
 * last one.
 */
export class RuleEvaluator {
  readonly #columns: Columns;
  readonly #wall: () => number;
  readonly #mostFirings: number;
  #all = new Map<string, CompleteRule>();
  #faults = new Map<string, RuleFault[]>();
  #loaded: LoadedRules;
  #reasons: RuleReasons;
  #kept: ReturnType<typeof readSnapshot> = new Map();
  #isLoaded = false;
  /** Rules are new: every value has to be read, and every rule to be looked at. */
  #unread = true;
  #unseen = true;
  #endedByLoad: string[] = [];
  #last = Number.NEGATIVE_INFINITY;
  /** Number of the tick that last looked at a rule. */
  #seenAt = new Uint32Array(0);
  #tick = 0;
  #lookedAt = 0;
  #firing: number[] = [];
  /** Rules whose firing was put off: they come first at the next tick. */
  #waiting = new Set<number>();
  #postponed = 0;

  /** @param o.mostFirings of one tick; the others are put off to the next one. @default 1000 */
  constructor(o: { columns: Columns; wall(): number; mostFirings?: number }) {
    const { columns, wall, mostFirings = MOST_FIRINGS } = o;
    this.#columns = columns;
    this.#wall = wall;
    this.#mostFirings = mostFirings;
    this.#loaded = new LoadedRules([], columns);
    this.#reasons = new RuleReasons(columns, this.#loaded, wall);
  }

  /** Rules that ask and do the same as before keep their state. `faults` are those of rules that are not among them. */
  load(rules: readonly CompleteRule[], now: number, faults: readonly RuleFault[] = []): void {
    const before = this.#loaded;
    this.#isLoaded = true;
    this.#settle();
    this.#all = new Map(rules.map((rule) => [rule.id, rule]));
    this.#faults = Map.groupBy(faults, ({ rule }) => rule);
    this.#loaded = new LoadedRules(rules, this.#columns);
    this.#reasons = new RuleReasons(this.#columns, this.#loaded, this.#wall);
    this.#endedByLoad.push(...this.#loaded.inherit(before));
    recall(this.#loaded, this.#kept, now, this.#wall());
    this.#seenAt = new Uint32Array(this.#loaded.rules.length);
    this.#waiting.clear();
    this.#unread = true;
    this.#unseen = true;
  }

  tick(now: number): TickResult {
    this.#last = now >= this.#last ? now : this.#last;
    this.#tick += 1;
    this.#lookedAt = 0;
    this.#firing.length = 0;
    const result: TickResult = { fired: [], ended: this.#endedByLoad, shadow: [] };
    this.#endedByLoad = [];
    this.#settle();
    this.#loaded.network.setRates(this.#last);
    this.#look(result.ended);
    if (this.#firing.length > 0) this.#fire(result);
    return result;
  }

  /** What the conditions are now, without state: bounds are those for a rule that does not hold yet. */
  evaluate(rule: CompleteRule, now: number): RuleWhy & { holds: Truth } {
    return this.#reasons.ifOn(rule, now);
  }

  why(id: string, now: number): RuleWhy {
    const number = this.#loaded.number(id);
    if (number !== undefined) {
      this.#settle();
      return this.#reasons.ofLoaded(number, Math.max(now, this.#last), this.#last);
    }
    const rule = this.#all.get(id);
    if (rule) return this.#reasons.ofOther(rule, now);
    const faults = this.#faults.get(id);
    if (faults) return whyFaulty(id, faults, new Date(this.#wall()).toISOString());
    const meant = nearest(id, [...this.#all.keys(), ...this.#faults.keys()]);
    throw new AzoraError("NOT_FOUND", `No rule has the id ${id}${meant ? `; did you mean ${meant}?` : ""}`, {
      id,
      meant,
    });
  }

  /** Ids, by priority. */
  active(): string[] {
    return this.#loaded.rules.filter((_, number) => this.#loaded.timing.active(number)).map(({ id }) => id);
  }

  /** What outlives a restart: who is active and who is in its cooldown. */
  snapshot(now: number): RuleSnapshot {
    // Before there are rules nobody can say which of those that were kept will be wanted.
    if (!this.#isLoaded) return Object.fromEntries(this.#kept);
    return remember(this.#loaded, now, this.#wall());
  }

  /** Before or after the rules are loaded; what cannot be read is left out. */
  restore(snapshot: unknown, now: number): void {
    this.#kept = readSnapshot(snapshot);
    recall(this.#loaded, this.#kept, now, this.#wall());
    this.#unseen = true;
  }

  /** What the rules are in the middle of. */
  timings(now: number): TimingSnapshot {
    return rememberTimes(this.#loaded, this.#columns, now);
  }

  /** After the rules are loaded and before they are first looked at. @param taken when the timings were, by the clock of now */
  goOn(timings: unknown, taken: number): void {
    recallTimes(this.#loaded, this.#columns, timings, taken);
  }

  stats(): EvaluatorStats {
    const { rules, timing, network } = this.#loaded;
    let active = 0;
    for (let number = 0; number < rules.length; number++) if (timing.active(number)) active += 1;
    const comparisons = network.program.low.length;
    return { rules: rules.length, active, lookedAt: this.#lookedAt, comparisons, postponed: this.#postponed };
  }

  /** Brings truth up to date with the columns. */
  #settle(): void {
    const { network } = this.#loaded;
    const changed = this.#columns.takeChanged();
    const { base } = network.program;
    const { values } = this.#columns;
    if (this.#unread) {
      this.#unread = false;
      const all = Array.from({ length: base }, (_, column) => column);
      for (const column of all) network.set(column, values[column]!);
      network.setDistances(all);
      return;
    }
    for (const column of changed) if (column < base) network.set(column, values[column]!);
    network.setDistances(changed);
  }

  #look(ended: string[]): void {
    const { network, due, rules } = this.#loaded;
    const expiring = this.#loaded.turnExpired(this.#wall);
    // First those whose time has come: being looked at puts a rule on the list again, but only where it is off the list.
    for (let rule = due.take(this.#last); rule >= 0; rule = due.take(this.#last)) this.#lookAt(rule, ended);
    network.takeTurned();
    // One truth after the other: what a rule does is then the same as what the one before it did, which processors guess well.
    for (const truth of TRUTH_NUMBERS) for (const rule of network.turned(truth)) this.#lookAt(rule, ended);
    for (const rule of expiring) this.#lookAt(rule, ended);
    if (!this.#unseen) return;
    this.#unseen = false;
    for (let rule = 0; rule < rules.length; rule++) this.#lookAt(rule, ended);
  }

  #lookAt(rule: number, ended: string[]): void {
    if (this.#seenAt[rule] === this.#tick) return;
    this.#seenAt[rule] = this.#tick;
    this.#lookedAt += 1;
    const { network, timing, due, rules, expired } = this.#loaded;
    if (expired[rule] === 1) {
      if (timing.forget(rule)) ended.push(rules[rule]!.id);
      return;
    }
    const outcome = timing.turn(rule, network.truth(rule), this.#last);
    if (outcome === FIRES) {
      this.#firing.push(rule);
      return;
    }
    if (outcome === ENDED) ended.push(rules[rule]!.id);
    due.atLatest(rule, timing.due);
  }

  #fire(result: TickResult): void {
    const { rules, timing, due } = this.#loaded;
    const waited = (rule: number) => (this.#waiting.has(rule) ? 0 : 1);
    const inOrder = this.#firing.sort((a, b) => waited(a) - waited(b) || a - b);
    const late = inOrder.slice(this.#mostFirings);
    this.#postponed += late.length;
    const firing = inOrder.slice(0, this.#mostFirings).sort((a, b) => a - b);
    for (const rule of firing) {
      timing.fired(rule, this.#last);
      due.atLatest(rule, timing.due);
      const list = rules[rule]!.mode === "shadow" ? result.shadow : result.fired;
      list.push({ rule: rules[rule]!, why: this.#reasons.ofLoaded(rule, this.#last, this.#last) });
    }
    for (const rule of late) due.atLatest(rule, this.#last);
    this.#waiting = new Set(late);
  }
}
