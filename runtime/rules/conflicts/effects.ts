import type { CompleteRule, RuleAction } from "../../../models/rules.ts";
import { type Lever, pushesOf } from "../levers.ts";
import { organMeant, organOfNode } from "../targets.ts";

/** One push of a rule, as far as it can be foreseen. */
export interface Effect {
  /** `brain-service` and `brain` are one target. */
  target: string;
  lever: Lever;
  direction: 1 | -1 | 0;
  /** What the lever is set to, where it is set: other rules that set it to something else are against it. */
  sets: unknown;
  /** Ends with the rule: what is shed or throttled while it is active is let in again afterwards. */
  held: boolean;
  /** Of the target's system, as `brain.load`: less by as much as there is more of the lever. Empty where nobody can say. */
  metrics: string[];
  /** What a firing makes of the amount of the lever: percent of what there was at first, or nodes. */
  next(amount: number): number;
}

/** What all rules together give of processor time, per cent of what neighbours have: as far as the actions go. */
export const SHARE = { min: 50, max: 200 } as const;
/** Per cent: where each lever is at first, but for nodes. */
export const ALL = 100;
/** Nodes, where an action does not say otherwise. */
const MOST_NODES = 8;
const HELD: readonly Lever[] = ["admission", "rate"];

export function targetOf({ target }: Pick<RuleAction, "target">): string {
  return organMeant(target) ?? target;
}

export function effectsOf(rule: Pick<CompleteRule, "actions">): Effect[] {
  return rule.actions.flatMap((action) => {
    const target = targetOf(action);
    const system = organMeant(target) ?? organOfNode(target);
    return pushesOf(action).map(({ lever, direction, moves }) => ({
      target,
      lever,
      direction,
      sets: setBy(action),
      held: HELD.includes(lever),
      metrics: system === undefined ? [] : movedBy(lever, Object.keys(moves)).map((metric) => `${system}.${metric}`),
      next: stepOf(lever, action),
    }));
  });
}

/** Those that go by the amount of the lever: the same work on more processors, in more memory or on more nodes. */
function movedBy(lever: Lever, named: string[]): string[] {
  // A number of nodes that is set goes either way, which only a known number of them tells.
  if (lever === "instances") return Object.keys(pushesOf({ type: "scaleSystem", parameters: { by: 1 } })[0]!.moves);
  // A larger heap lowers load only where memory is what is busiest, and who knows that?
  if (lever === "memory") return ["memoryUsage"];
  return lever === "cpu-share" || HELD.includes(lever) ? named : [];
}

/** As the actions do it: processor time is added up, a heap multiplied, and nodes are kept between `least` and `most`. */
function stepOf(lever: Lever, { parameters = {} }: RuleAction): Effect["next"] {
  const { increaseCpu, increaseMemory } = parameters as { increaseCpu: number; increaseMemory: number };
  if (lever === "cpu-share") return (share) => Math.min(SHARE.max, Math.max(SHARE.min, share + increaseCpu));
  if (lever === "memory") return (heap) => (heap * (100 + increaseMemory)) / 100;
  if (lever !== "instances") return (amount) => amount;
  const { by = 1, to, least = 1, most = MOST_NODES } = parameters as Record<string, number>;
  return (nodes) => {
    const wanted = to ?? nodes + by;
    // Fewer than `least` that there are already stay as they are; so do more than `most`, but for what is taken away.
    return Math.min(Math.max(wanted, Math.min(least, nodes)), Math.max(most, Math.min(nodes, wanted)));
  };
}

/** Firings that take the lever from one end of its range to the other. */
export function firingsToBound({ lever, next }: Effect): number {
  if (lever === "instances") return MOST_NODES;
  return lever === "cpu-share" ? (SHARE.max - SHARE.min) / Math.abs(next(ALL) - ALL) : 1;
}

function setBy({ type, parameters = {} }: RuleAction): unknown {
  if (type === "setFlag") return parameters["value"];
  return type === "scaleSystem" || type === "scaleService" ? parameters["to"] : undefined;
}

/** Whether two pushes are against each other. */
export function isAgainst(one: Effect, other: Effect): boolean {
  if (one.target !== other.target || one.lever !== other.lever) return false;
  if (one.direction !== 0 && other.direction !== 0) return one.direction !== other.direction;
  return one.sets !== undefined && other.sets !== undefined && one.sets !== other.sets;
}
