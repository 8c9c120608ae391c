import { hash } from "node:crypto";
import type { CompleteRule } from "../../models/rules.ts";
import type { Columns } from "./columns.ts";
import { compileRules } from "./compile-rules.ts";
import { DueList } from "./due-list.ts";
import { RuleTiming } from "./rule-timing.ts";
import { TruthNetwork } from "./truth-network.ts";

const NONE: readonly number[] = [];

/** Enabled rules as they are evaluated: numbered by priority, so that the lower number comes first. */
export class LoadedRules {
  readonly rules: readonly CompleteRule[];
  readonly network: TruthNetwork;
  readonly timing: RuleTiming;
  readonly due: DueList;
  /** 1 for those that have expired. */
  readonly expired: Uint8Array;
  /** Those that expire, and when: ms since the epoch. */
  readonly #expiring: { rule: number; at: number }[];
  readonly #numbers: Map<string, number>;

  constructor(rules: readonly CompleteRule[], columns: Columns) {
    this.rules = rules.filter(({ enabled }) => enabled).sort((a, b) => b.priority - a.priority);
    this.network = new TruthNetwork(compileRules(this.rules, columns));
    this.timing = new RuleTiming(this.rules);
    this.due = new DueList(this.rules.length);
    this.expired = new Uint8Array(this.rules.length);
    this.#expiring = this.rules.flatMap(({ expires }, rule) =>
      expires === null ? [] : [{ rule, at: Date.parse(expires) }],
    );
    this.#numbers = new Map(this.rules.map(({ id }, number) => [id, number]));
  }

  number(id: string): number | undefined {
    return this.#numbers.get(id);
  }

  /** Rules that have expired since this was last asked, or have not any more since the machine's clock was set back. */
  turnExpired(wall: () => number): readonly number[] {
    if (this.#expiring.length === 0) return NONE;
    const now = wall();
    const turned = this.#expiring.filter(({ rule, at }) => this.expired[rule] !== (now >= at ? 1 : 0));
    for (const { rule } of turned) this.expired[rule] = 1 - this.expired[rule]!;
    return turned.map(({ rule }) => rule);
  }

  /** Takes over the state of rules that ask and do the same as before; gives the ids of active ones that it did not. */
  inherit(from: LoadedRules): string[] {
    this.network.program.rates.inherit(from.network.program.rates);
    const ended: string[] = [];
    for (const [before, rule] of from.rules.entries()) {
      const number = this.number(rule.id);
      const same = number !== undefined && sameWork(this.rules[number]!, rule);
      if (same) this.#take(number, from, before);
      else if (from.timing.active(before)) ended.push(rule.id);
    }
    return ended;
  }

  #take(number: number, from: LoadedRules, before: number): void {
    this.timing.restore(number, from.timing.state(before));
    const first = this.network.program.firstWritten;
    const firstBefore = from.network.program.firstWritten[before]!;
    for (let written = first[number]!; written < first[number + 1]!; written++) {
      if (from.network.holding(firstBefore + written - first[number]!)) this.network.hold(written);
    }
  }
}

/** Two versions of a rule that differ in name, priority or times only are the same rule still. */
function sameWork(a: CompleteRule, b: CompleteRule): boolean {
  return a === b || workOf(a) === workOf(b);
}

function workOf({ conditions, actions, mode }: CompleteRule): string {
  return JSON.stringify([conditions, actions, mode]);
}

const hashes = new WeakMap<CompleteRule, string>();

/** Tells in few characters whether a rule kept on disk is still the same. */
export function workHash(rule: CompleteRule): string {
  const known = hashes.get(rule);
  if (known !== undefined) return known;
  const made = hash("sha256", workOf(rule), "base64url").slice(0, 22);
  hashes.set(rule, made);
  return made;
}
