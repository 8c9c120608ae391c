import { isAgainst } from "./effects.ts";
import { reaches, type Turn } from "./links.ts";
import type { RuleFacts } from "./rule-facts.ts";

/** Rules of which each can make the next one hold, and the last one the first. */
export type Circle = readonly RuleFacts[];

export const LONGEST_CIRCLE = 4;
/** Pairs of rules that are looked at, and steps of the search for longer circles. */
const MOST_LOOKED_AT = 1_000_000;
const MOST_STEPS = 200_000;

/**
 * Circles among rules by what they move and what they look at: those of two rules that push one lever opposite ways, then
 * the other ones, the shortest first. A graph whose arrows are what one firing can do is cut down to rules that
 * lie on a way round; each circle is told once, from its first rule on.
 * @param incomplete called where there are too many for all to be told
 */
export function* circlesOf(all: readonly RuleFacts[], incomplete: () => void): Generator<Circle> {
  const next = arrowsOf(all, incomplete);
  trim(next);
  const pairs: [RuleFacts, RuleFacts][] = [];
  for (const [a, others] of next)
    for (const b of others) if (a < b && next.get(b)!.has(a)) pairs.push([all[a]!, all[b]!]);
  yield* pairs.filter(([a, b]) => areOpposed(a, b));
  yield* pairs.filter(([a, b]) => !areOpposed(a, b));
  const left = { steps: MOST_STEPS };
  for (let length = 3; length <= LONGEST_CIRCLE; length++)
    for (const first of next.keys())
      for (const circle of waysRound([first], length, next, left)) yield circle.map((rule) => all[rule]!);
  if (left.steps <= 0) incomplete();
}

/** Whether two rules push a lever of one target opposite ways. */
export function areOpposed(a: RuleFacts, b: RuleFacts): boolean {
  return a.effects.some((one) => b.effects.some((other) => isAgainst(one, other)));
}

/** Whom each rule can set off, by number. */
function arrowsOf(all: readonly RuleFacts[], incomplete: () => void): Map<number, Set<number>> {
  const waiting = new Map<Turn, number[]>();
  for (const [number, { turnedBy, turns, hasRate }] of all.entries()) {
    // A step is no slope: nobody can say how fast a metric rises after an act.
    if (hasRate || turns.size === 0) continue;
    for (const turn of turnedBy) {
      const before = waiting.get(turn);
      if (before) before.push(number);
      else waiting.set(turn, [number]);
    }
  }
  const next = new Map<number, Set<number>>();
  let left = MOST_LOOKED_AT;
  for (const [number, facts] of all.entries()) {
    if (facts.hasRate) continue;
    const setOff = new Set<number>();
    for (const turn of facts.turns)
      for (const other of waiting.get(turn) ?? []) {
        if (other === number || setOff.has(other)) continue;
        if (left-- <= 0) {
          incomplete();
          return next;
        }
        if (reaches(facts, all[other]!)) setOff.add(other);
      }
    if (setOff.size > 0) next.set(number, setOff);
  }
  return next;
}

/** Takes out what nobody sets off, or what sets off nobody, until everything does both. */
function trim(next: Map<number, Set<number>>): void {
  for (let before = -1; before !== next.size; ) {
    before = next.size;
    const reached = new Set<number>();
    for (const others of next.values()) for (const other of others) reached.add(other);
    for (const [rule, others] of next) {
      for (const other of others) if (!next.has(other)) others.delete(other);
      if (others.size === 0 || !reached.has(rule)) next.delete(rule);
    }
  }
}

function* waysRound(
  way: readonly number[],
  length: number,
  next: ReadonlyMap<number, ReadonlySet<number>>,
  left: { steps: number },
): Generator<readonly number[]> {
  const [first] = way;
  for (const rule of next.get(way.at(-1)!) ?? []) {
    if (left.steps-- <= 0) return;
    if (way.length === length) {
      if (rule === first) yield way;
    } else if (rule > first! && !way.includes(rule)) yield* waysRound([...way, rule], length, next, left);
  }
}
