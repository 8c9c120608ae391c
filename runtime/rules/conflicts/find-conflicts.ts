import type { Stretch } from "../../../models/organism-state.ts";
import type { RuleConflict } from "../../../models/replay-report.ts";
import type { CompleteRule } from "../../../models/rules.ts";
import { replayed } from "../replay/replayed.ts";
import { circlesOf } from "./circles.ts";
import { chainConflict, opposedConflict, recordedConflict, selfConflict } from "./conflict-words.ts";
import { type Effect, isAgainst } from "./effects.ts";
import { loopOf } from "./loops.ts";
import { meetingPoint } from "./meeting-point.ts";
import { onOrgans, type Residences } from "./on-organs.ts";
import { meetingOf } from "./opposed-rules.ts";
import { fightsIn, valuesAt } from "./recorded-fights.ts";
import { boxesMeet, factsOf, type RuleFacts } from "./rule-facts.ts";
import { selfEnding } from "./self-ending.ts";

export interface FindConflictsOptions {
  /** Recorded vitals, on which the rules are played as well. */
  stretch?: Stretch;
  /** Where services are at home: without that, what acts on a single one moves no metric that is known. */
  residences?: Residences;
  /** Called where there is too much for all of it to be looked at. */
  incomplete?: () => void;
}

/** Bounds of one search, so that a set of thousands does not hold up its caller: about a second at most. */
const MOST_PAIRS = 5000;
/** Pairs of which it is only looked at whether their ranges overlap, which costs next to nothing. */
const MOST_COMPARED = 1_000_000;
const LOOP_BUDGET = { left: 1_000_000, runs: 300 };
/** More than this nobody reads. */
export const MOST_FOUND = 100;

/**
 * Rules that push one lever of one target opposite ways while both are active, rules that end themselves, and circles of up to
 * four that set each other off. Each is found by calculation and then tried on the evaluator with the values that are given
 * as example, so that there is no false alarm within the model of what actions do. Disabled rules are left out, those in
 * shadow mode not.
 */
export function findConflicts(
  rules: readonly CompleteRule[],
  { stretch, residences, incomplete }: FindConflictsOptions = {},
): RuleConflict[] {
  const looked = rules.filter((rule) => rule.enabled);
  const enabled = residences ? onOrgans(looked, residences) : looked;
  const found = new Found();
  const all = enabled.map(factsOf);
  for (const facts of all) {
    if (found.isFull) break;
    againstItself(facts, found);
    const demand = selfEnding(facts);
    if (demand) found.add(selfConflict(facts, demand));
  }
  for (const [a, b, effect] of pairs(all, found)) {
    const meeting = meetingOf(a, b);
    if (meeting) found.add(opposedConflict([a.rule.id, b.rule.id], effect, meeting));
  }
  setOff(all, found);
  if (stretch) {
    const { firings } = replayed(stretch, enabled);
    for (const fight of fightsIn(firings, enabled)) found.add(recordedConflict(fight, valuesAt(stretch, fight.at)));
  }
  if (found.isShort) incomplete?.();
  return found.conflicts;
}

class Found {
  readonly conflicts: RuleConflict[] = [];
  readonly #pairs = new Set<string>();
  /** Not every pair was looked at. */
  isShort = false;

  get isFull(): boolean {
    return this.conflicts.length >= MOST_FOUND;
  }

  /** One pair of rules is told of once for one target. */
  has(rules: readonly string[], target: string): boolean {
    return this.#pairs.has(keyOf(rules, target));
  }

  /** Two or more of these rules, or all, are told of already: what the others add may come of that. */
  isWithin(rules: readonly string[]): boolean {
    return this.conflicts.some((one) => one.rules.length > 1 && one.rules.every((rule) => rules.includes(rule)));
  }

  add(conflict: RuleConflict): void {
    if (this.isFull || this.has(conflict.rules, conflict.target)) return;
    this.#pairs.add(keyOf(conflict.rules, conflict.target));
    this.conflicts.push(conflict);
  }
}

function keyOf(rules: readonly string[], target: string): string {
  return JSON.stringify([...rules.toSorted(), target]);
}

/** Rules that set each other off. */
function setOff(all: readonly RuleFacts[], found: Found): void {
  const budget = { ...LOOP_BUDGET, isShort: false };
  const circles = circlesOf(all, () => {
    found.isShort = true;
  });
  for (const circle of circles) {
    found.isShort ||= found.isFull || budget.left <= 0 || budget.runs <= 0;
    if (found.isFull || budget.left <= 0 || budget.runs <= 0) return;
    if (found.isWithin(circle.map(({ rule }) => rule.id))) continue;
    const loop = loopOf(circle, budget);
    if (loop) found.add(chainConflict(loop));
    found.isShort ||= budget.isShort;
  }
}

/** A rule whose own actions are against each other. */
function againstItself({ rule, effects }: RuleFacts, found: Found): void {
  const effect = effects.find((one, i) => effects.some((other, j) => j > i && isAgainst(one, other)));
  const at = effect && meetingPoint([{ conditions: rule.conditions }]);
  if (effect && at) found.add(opposedConflict([rule.id], effect, { at }));
}

/** Pairs of rules that may be against each other on a lever at one time and are not told of yet, up to the bounds. */
function* pairs(all: readonly RuleFacts[], found: Found): Generator<[RuleFacts, RuleFacts, Effect]> {
  const levers = Map.groupBy(
    all.flatMap((facts) => facts.effects.map((effect) => ({ facts, effect }))),
    ({ effect: { target, lever } }) => `${target}\n${lever}`,
  );
  let [left, compared] = [MOST_PAIRS, 0];
  for (const pushes of levers.values()) {
    const isOneWay = pushes.every(({ effect }) => !isAgainst(pushes[0]!.effect, effect));
    if (isOneWay && pushes.every(({ effect }) => effect.direction !== 0)) continue;
    for (const [i, one] of pushes.entries())
      for (const other of pushes.slice(i + 1)) {
        if (one.facts === other.facts || !isAgainst(one.effect, other.effect)) continue;
        if (found.isFull || left <= 0 || compared++ > MOST_COMPARED) {
          found.isShort = true;
          return;
        }
        if (!boxesMeet(one.facts, other.facts)) continue;
        if (found.has([one.facts.rule.id, other.facts.rule.id], one.effect.target)) continue;
        left -= 1;
        yield [one.facts, other.facts, one.effect];
      }
  }
}
