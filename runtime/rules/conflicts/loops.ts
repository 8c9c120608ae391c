import type { CompleteRule } from "../../../models/symbiosis.ts";
import { type LoopRun, runLoop } from "./closed-loop.ts";
import { effectsOf } from "./effects.ts";
import { type Goal, meetingPoint } from "./meeting-point.ts";
import type { RuleFacts } from "./rule-facts.ts";
import { Situation } from "./situation.ts";

export interface Loop {
  /** Without any rule, the metrics would be these. */
  demand: Map<string, number>;
  /** Of each target that is scaled, at first. */
  nodes: number;
}

/** What a search for loops may cost: conditions solved (some 30 µs each), and runs (some ms each). */
export interface LoopBudget {
  solves: number;
  runs: number;
}

/** A rule that was active for less than this has had no time to help. */
const SHORT = 30_000;
const TIMES = 3;
/** Firings of one rule before the other fires: steps of one in a hundred against one of a quarter. */
const MOST_STEPS = 24;
/** Runs of one pair, each with another demand. */
const MOST_RUNS = 4;
/** From one to two nodes is the greatest step; from the third on they are small. */
const MOST_NODES = 3;
/** Turns that are no coincidence: steps of different sizes may come to rest between two bounds after one or two. */
const LASTING = 6;
/** Questions that are solved for one pair. */
const MOST_SOLVED = 300;

/**
 * Demand at which a rule ends itself: what it holds back while it is active takes the metric through its bound, so it ends,
 * and what it held back is let in again. A clear value beyond what it takes, `keepFor` or `minActive` prevent it.
 */
export function selfEnding({ rule, effects, reads, hasRate }: RuleFacts): Loop | undefined {
  const held = effects.filter((effect) => effect.held && [...effect.factors.keys()].some((key) => reads.has(key)));
  if (hasRate || held.length === 0) return undefined;
  const situation = new Situation();
  situation.apply(rule.id, held);
  const { conditions } = rule;
  const demand = meetingPoint([{ conditions }, { conditions, wanted: false, factors: situation.factors() }]);
  if (!demand) return undefined;
  // It is the same loop, only slower, with a longer wait before each firing.
  const quick = { ...rule, for: Math.min(rule.for, SHORT), cooldown: Math.min(rule.cooldown, SHORT) };
  const horizon = (TIMES + 1) * turnOf([quick]);
  const isLoop = (run: LoopRun) => shortLives(run) >= TIMES;
  return isLoop(runLoop([quick], { demand, horizon, enough: isLoop })) ? { demand, nodes: 1 } : undefined;
}

function shortLives({ fired, ended }: LoopRun): number {
  return ended.filter(({ at, rule }) => {
    const begin = fired.findLast((one) => one.rule === rule && one.at < at);
    return begin !== undefined && at - begin.at < SHORT;
  }).length;
}

/**
 * Demand at which one rule sets off the other, and that one the first again, without end.
 * @param budget of a whole search; nothing is found when it is used up
 */
export function chainOf(a: RuleFacts, b: RuleFacts, budget: LoopBudget): Loop | undefined {
  if (a.hasRate || b.hasRate || !setsOff(a, b) || !setsOff(b, a)) return undefined;
  const scales = [a, b].some(({ effects }) => effects.some(({ lever }) => lever === "instances"));
  if (!scales && !reachEachOther(a.rule, b.rule, budget)) return undefined;
  const last = budget.runs - MOST_RUNS;
  for (let nodes = 1; nodes <= (scales ? MOST_NODES : 1); nodes++)
    for (const { demand, horizon } of inTurns(a.rule, b.rule, nodes, budget)) {
      if (budget.runs <= 0 || budget.runs <= last) return undefined;
      budget.runs -= 1;
      if (alternates([a.rule, b.rule], { demand, nodes, horizon })) return { demand, nodes };
    }
  return undefined;
}

/** Necessary for a chain. Both ways are followed side by side, as one often ends soon that says no. */
function reachEachOther(a: CompleteRule, b: CompleteRule, budget: LoopBudget): boolean {
  const ways = [steps(a, b, [{ conditions: a.conditions }], new Situation(), budget)];
  ways.push(steps(b, a, [{ conditions: b.conditions }], new Situation(), budget));
  const open = new Set(ways);
  while (open.size > 0)
    for (const way of open) {
      const { done, value } = way.next();
      if (done) return false;
      if (value.point) open.delete(way);
    }
  return true;
}

function setsOff({ effects }: RuleFacts, { reads }: RuleFacts): boolean {
  return effects.some(({ held, factors }) => !held && [...factors.keys()].some((key) => reads.has(key)));
}

/** Demand with which one fires so often that the other does, and that so often that the first does again, for as many turns as count. */
function* inTurns(a: CompleteRule, b: CompleteRule, nodes: number, whole: LoopBudget): Generator<Way> {
  const once = turnOf([a, b]);
  function* from(
    rules: [CompleteRule, CompleteRule],
    goals: readonly Goal[],
    situation: Situation,
    own: LoopBudget,
    { turns, firings }: { turns: number; firings: number },
  ): Generator<Way> {
    const [rule, other] = rules;
    for (const step of steps(rule, other, goals, situation, own)) {
      if (!step.point) continue;
      const sum = firings + step.times * rule.cooldown;
      if (turns + 1 === LASTING) yield { demand: step.point, horizon: LASTING * once + 2 * sum };
      else yield* from([other, rule], step.goals, step.situation, own, { turns: turns + 1, firings: sum });
    }
  }
  // Which one begins matters: a metric that is full when the first fires is none that the second could have started from.
  for (const rules of [
    [a, b],
    [b, a],
  ] as [CompleteRule, CompleteRule][]) {
    const own = { ...whole, solves: Math.min(whole.solves, MOST_SOLVED) };
    whole.solves -= own.solves;
    try {
      yield* from(rules, [{ conditions: rules[0].conditions }], new Situation(nodes), own, { turns: 0, firings: 0 });
    } finally {
      whole.solves += own.solves;
    }
  }
}

interface Way {
  demand: Map<string, number>;
  horizon: number;
}

/** Firings of `rule`, each where it still holds after the ones before, and where `other` holds then, if at all. */
function* steps(rule: CompleteRule, other: CompleteRule, before: readonly Goal[], from: Situation, budget: LoopBudget) {
  const situation = from.copy();
  const goals = [...before];
  for (let times = 1; times <= MOST_STEPS && budget.solves > 0; times++) {
    budget.solves -= 1;
    situation.apply(rule.id, effectsOf(rule, situation.nodesOf));
    if (situation.isBeyond) return;
    const factors = situation.factors();
    const reached = [...goals, { conditions: other.conditions, factors }];
    yield { times, goals: reached, point: meetingPoint(reached), situation: situation.copy() };
    goals.push({ conditions: rule.conditions, reach: "holds", factors });
    if (!meetingPoint(goals)) return;
  }
}

function alternates(rules: readonly CompleteRule[], loop: Loop & { horizon: number }): boolean {
  const isLoop = ({ fired }: LoopRun) => turnsOf(fired.map(({ rule }) => rule)) >= LASTING;
  return isLoop(runLoop(rules, { ...loop, enough: isLoop }));
}

/** a a b a b b → 3: how often another one fires than before. */
function turnsOf(rules: readonly string[]): number {
  return rules.filter((rule, i) => i > 0 && rules[i - 1] !== rule).length;
}

/** At most, from the first firing of all to the next one, ms. */
function turnOf(rules: readonly CompleteRule[]): number {
  const each = rules.map((rule) => rule.for + rule.cooldown + rule.keepFor + rule.minActive);
  return each.reduce((sum, ms) => sum + ms, 5000);
}
