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

/** A rule that was active for less than this has had no time to help. */
const SHORT = 30_000;
const TIMES = 3;
/** Firings of one rule before the other fires: steps of one in a hundred against one of a quarter. */
const MOST_STEPS = 24;
/** Runs of one pair, each with another demand. */
const MOST_RUNS = 4;
/** From one to two nodes is the greatest step; from the third on they are small. */
const MOST_NODES = 3;
/** Of a full turn; constant demand that keeps rules going for so long keeps them going. */
const TURNS = 8;

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
 * @param mayRun asked before each run, which costs some ms
 */
export function chainOf(a: RuleFacts, b: RuleFacts, mayRun = () => true): Loop | undefined {
  if (a.hasRate || b.hasRate || !setsOff(a, b) || !setsOff(b, a)) return undefined;
  const scales = [a, b].some(({ effects }) => effects.some(({ lever }) => lever === "instances"));
  if (!scales && !reachEachOther(a.rule, b.rule)) return undefined;
  let runs = 0;
  for (let nodes = 1; nodes <= (scales ? MOST_NODES : 1); nodes++)
    for (const { demand, horizon } of cycles(a.rule, b.rule, nodes)) {
      runs += 1;
      if (runs > MOST_RUNS || !mayRun()) return undefined;
      if (alternates([a.rule, b.rule], { demand, nodes, horizon })) return { demand, nodes };
    }
  return undefined;
}

/** Necessary for a chain. Both ways are followed side by side, as one often ends soon that says no. */
function reachEachOther(a: CompleteRule, b: CompleteRule): boolean {
  const ways = [steps(a, b, [{ conditions: a.conditions }], new Situation())];
  ways.push(steps(b, a, [{ conditions: b.conditions }], new Situation()));
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

/** Demand with which `a` fires so often that `b` does, and that so often that `a` does again. */
function* cycles(a: CompleteRule, b: CompleteRule, nodes: number) {
  for (const there of steps(a, b, [{ conditions: a.conditions }], new Situation(nodes)))
    for (const back of there.point ? steps(b, a, there.goals, there.situation) : []) {
      const horizon = TURNS * (turnOf([a, b]) + there.times * a.cooldown + back.times * b.cooldown);
      if (back.point) yield { demand: back.point, horizon };
    }
}

/** Firings of `rule`, each where it still holds after the ones before, and where `other` holds then, if at all. */
function* steps(rule: CompleteRule, other: CompleteRule, before: readonly Goal[], from: Situation) {
  const situation = from.copy();
  const goals = [...before];
  for (let times = 1; times <= MOST_STEPS; times++) {
    situation.apply(rule.id, effectsOf(rule, situation.nodesOf));
    const factors = situation.factors();
    const reached = [...goals, { conditions: other.conditions, factors }];
    yield { times, goals: reached, point: meetingPoint(reached), situation };
    goals.push({ conditions: rule.conditions, reach: "holds", factors });
    if (!meetingPoint(goals)) return;
  }
}

function alternates(rules: readonly CompleteRule[], loop: Loop & { horizon: number }): boolean {
  const isLoop = ({ fired }: LoopRun) => turnsOf(fired.map(({ rule }) => rule)) >= 2 * TIMES;
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
