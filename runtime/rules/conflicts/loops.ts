import type { CompleteRule } from "../../../models/rules.ts";
import { areOpposed, type Circle } from "./circles.ts";
import { type LoopOptions, type LoopRun, type Push, runLoop, waitOf } from "./closed-loop.ts";
import { firingsToBound } from "./effects.ts";
import { opposite } from "./links.ts";
import type { Effort } from "./meeting-point.ts";
import { type RoundsOptions, roundsOf, type Way } from "./rounds.ts";

export interface Loop {
  /** The rules in the order in which they set each other off, from the one that begins. */
  circle: Circle;
  /** Without any rule, the metrics would be these. */
  demand: ReadonlyMap<string, number>;
  /** What made the first rule fire, where it is not the demand. */
  push?: Push;
  /** Of each target that is scaled, at first. */
  nodes: number;
}

/** What a search for loops may cost. */
export interface LoopBudget extends Effort {
  /** Some ms each. */
  runs: number;
  /** Not every way of a circle was followed to its end. */
  isShort: boolean;
}

/** Rounds that are no coincidence: steps of different sizes may come to rest between two bounds after one or two. */
const LASTING = 3;
/** Where steps are tiny, so many rounds are as good as no end. */
const MOST_ROUNDS = 200;
/** Runs of one circle, from one beginning, each with another demand. */
const MOST_RUNS = 4;
/** From one to two nodes is the greatest step; of many there are many small ones. */
const NODES = [1, 2, 3, 5, 8];
/** For one beginning. */
const MOST_EFFORT = 20_000;
const MARGIN = 5000;

/**
 * Demand at which rules set each other off in a circle, without end. Two that push one lever opposite ways are told of as soon
 * as they take turns; others only where each comes to rest without the one before it, so that what fires by itself is not
 * taken for a circle.
 * @param budget of a whole search; nothing is found when it is used up
 */
export function loopOf(circle: Circle, budget: LoopBudget): Loop | undefined {
  const opposed = circle.length === 2 && areOpposed(circle[0]!, circle[1]!);
  const isScaled = circle.some(({ effects }) => effects.some(({ lever }) => lever === "instances"));
  // What leads round once without end goes on so; where levers go to and fro, more rounds narrow down the demand.
  const rounds = opposed ? LASTING : 1;
  for (const isPushed of [false, true])
    for (const nodes of isScaled ? NODES : [1])
      for (const begin of circle.keys()) {
        const turned = [...circle.slice(begin), ...circle.slice(0, begin)];
        if (!opposed && !isPushed && !mayRest(turned)) continue;
        const loop = tried(turned, { nodes, isPushed, isFirst: !opposed, rounds }, opposed, budget);
        if (loop) return loop;
      }
  return undefined;
}

/** Whether the first rule, which the demand itself makes hold, may end without the last one. */
function mayRest(circle: Circle): boolean {
  const ends = [...circle[0]!.turnedBy].map(opposite);
  return circle.slice(0, -1).some(({ turns }) => ends.some((turn) => turns.has(turn)));
}

function tried(circle: Circle, options: RoundsOptions, opposed: boolean, budget: LoopBudget): Loop | undefined {
  const most = Math.min(budget.left, MOST_EFFORT);
  const own = { left: most };
  const rounds = opposed ? LASTING : endlessOf(circle);
  const run = new Set<string>();
  try {
    for (const { waits, ...way } of roundsOf(circle, options, own)) {
      const key = JSON.stringify([...way.demand]);
      if (run.has(key)) continue;
      run.add(key);
      if (run.size > MOST_RUNS || budget.runs <= 0) return undefined;
      const loop = { circle, nodes: options.nodes, ...way };
      if (goesRound(loop, rounds, waits, budget) && (opposed || needsEach(loop, waits, budget))) return loop;
    }
  } finally {
    budget.left -= most - own.left;
    budget.isShort ||= own.left <= 0;
  }
  return undefined;
}

/** Rounds after which levers that only go one way are at their bounds, so that what goes on then has no end. */
function endlessOf(circle: Circle): number {
  const firings = circle.flatMap(({ effects }) => effects.map(firingsToBound));
  return Math.min(MOST_ROUNDS, LASTING + Math.max(...firings));
}

function goesRound({ circle, ...loop }: Loop, rounds: number, waits: number, budget: LoopBudget): boolean {
  budget.runs -= 1;
  const rules = circle.map(({ rule }) => rule);
  const order = rules.map(({ id }) => id);
  const isRound = ({ fired }: LoopRun) => turnsIn(fired, order) >= rounds * order.length;
  const run = runLoop(rules, { ...loop, horizon: horizonOf(rules, rounds, waits), enough: isRound });
  // Levers that are at their bounds move no more, while the rules go on.
  return isRound(run) || (run.end === "steady" && order.every((id) => run.restless.has(id)));
}

/** Whether each comes to rest without the one before it. */
function needsEach({ circle, demand, push, nodes }: Loop, waits: number, budget: LoopBudget): boolean {
  const rules = circle.map(({ rule }) => rule);
  const horizon = horizonOf(rules, endlessOf(circle), waits);
  // The first one is the likeliest to go on by itself.
  return rules.toReversed().every((rule) => {
    budget.runs -= 1;
    const others = rules.filter((one) => one !== rule);
    const options: LoopOptions = { demand, nodes, horizon, ...(push && push.rule !== rule.id ? { push } : {}) };
    const { end, restless } = runLoop(others, options);
    return end !== "beyond" && !restless.has(rules[(rules.indexOf(rule) + 1) % rules.length]!.id);
  });
}

function horizonOf(rules: readonly CompleteRule[], rounds: number, waits: Way["waits"]): number {
  const once = rules.reduce((sum, rule) => sum + waitOf(rule), MARGIN);
  return rounds * (rules.length * once + waits);
}

/** How far the firings lead round: a a b c b a → 3, for a b c. What fires out of its turn is passed over. */
function turnsIn(fired: LoopRun["fired"], order: readonly string[]): number {
  let turns = -1;
  for (const { rule } of fired) if (rule === order[(turns + 1) % order.length]) turns += 1;
  return Math.max(0, turns);
}
