import type { CompleteRule } from "../../../models/rules.ts";
import type { Circle } from "./circles.ts";
import type { Push } from "./closed-loop.ts";
import type { Factors } from "./constraints.ts";
import { type Effort, type Goal, meetingPoint } from "./meeting-point.ts";
import { Situation } from "./situation.ts";

/** Firings of one rule before the next one fires: steps of one in a hundred against one of a quarter. */
const MOST_FIRINGS = 24;

/** A way on which rules set each other off, as calculated. */
export interface Way {
  demand: ReadonlyMap<string, number>;
  push?: Push;
  /** Waits for a next firing on the way, ms. */
  waits: number;
}

export interface RoundsOptions {
  /** Of each target, at first. */
  nodes: number;
  /** The first rule begins for a moment in which there is more to do, and not because of the demand itself. */
  isPushed: boolean;
  /** The others do not hold before anything was done. */
  isFirst: boolean;
  rounds: number;
}

interface Stage {
  goals: readonly Goal[];
  situation: Situation;
  turn: number;
  waits: number;
}

/**
 * Demand with which each rule of a circle fires so often that the next one does, so many rounds.
 * @param effort counted down; the search ends where it is used up
 */
export function* roundsOf(
  circle: Circle,
  { nodes, isPushed, isFirst, rounds }: RoundsOptions,
  effort: Effort,
): Generator<Way> {
  const situation = new Situation(nodes);
  const turns = rounds * circle.length;
  const [first, second] = circle;
  const { conditions, id } = first!.rule;
  const atRest = (rules: Circle, factors?: Factors) =>
    rules.map(({ rule }) => ({ conditions: rule.conditions, wanted: false, ...(factors ? { factors } : {}) }));
  if (!isPushed) {
    const goals = [{ conditions }, ...(isFirst ? atRest(circle.slice(1)) : [])];
    yield* onwards(circle, { goals, situation, turn: 0, waits: 0 }, turns, effort);
    return;
  }
  const values = meetingPoint([{ conditions }], effort);
  if (!values) return;
  situation.apply(id, first!.effects);
  const factors = situation.factors();
  // Those that go on after the moment by what the first did, or by a clear value, need no other rule for that.
  const others = circle.filter((one) => one !== second);
  const goals = [...atRest(circle), ...atRest(others, factors), { conditions: second!.rule.conditions, factors }];
  if (!meetingPoint(goals, effort)) return;
  const ways = onwards(circle, { goals, situation, turn: 1, waits: 0 }, turns, effort);
  for (const way of ways) yield { ...way, push: { rule: id, values } };
}

function* onwards(
  circle: Circle,
  { goals, situation, turn, waits }: Stage,
  turns: number,
  effort: Effort,
): Generator<Way> {
  const facts = circle[turn % circle.length]!;
  const next = circle[(turn + 1) % circle.length]!.rule;
  for (const step of firings(facts, next, goals, situation, effort)) {
    if (!step.point) continue;
    const after = { ...step, turn: turn + 1, waits: waits + step.times * facts.rule.cooldown };
    if (after.turn === turns) yield { demand: step.point, waits: after.waits };
    else yield* onwards(circle, after, turns, effort);
  }
}

/** Firings of a rule, each where it still holds after the ones before, and where `next` holds then, if at all. */
function* firings(
  { rule, effects }: Circle[number],
  next: CompleteRule,
  before: readonly Goal[],
  from: Situation,
  effort: Effort,
) {
  const situation = from.copy();
  const goals = [...before];
  for (let times = 1; times <= MOST_FIRINGS && effort.left > 0; times++) {
    const isMoved = situation.apply(rule.id, effects);
    if (situation.isBeyond) return;
    const factors = situation.factors();
    const reached = [...goals, { conditions: next.conditions, factors }];
    yield { times, goals: reached, point: meetingPoint(reached, effort), situation: situation.copy() };
    goals.push({ conditions: rule.conditions, reach: "holds", factors });
    if (!isMoved || !meetingPoint(goals, effort)) return;
  }
}
