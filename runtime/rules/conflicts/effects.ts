import type { CompleteRule, RuleAction } from "../../../models/symbiosis.ts";
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
  /** Nodes more or fewer. */
  nodes: number;
  /** What metrics of the target's system are multiplied by, as `brain.load` → 0.83. Empty where nobody can say. */
  factors: Map<string, number>;
}

/** A hold whose size depends on the calls of that moment is taken for a small one: then no conflict is seen that is none. */
const LEAST_HOLD = 0.99;
const HELD: readonly Lever[] = ["admission", "rate"];

export function targetOf({ target }: Pick<RuleAction, "target">): string {
  return organMeant(target) ?? target;
}

/** @param nodesOf how many nodes a target has, where it is scaled */
export function effectsOf(rule: Pick<CompleteRule, "actions">, nodesOf = (_target: string) => 1): Effect[] {
  return rule.actions.flatMap((action) => {
    const target = targetOf(action);
    const system = organMeant(target) ?? organOfNode(target);
    return pushesOf(action).map(({ lever, direction, moves }) => {
      const factor = factorOf(lever, action, nodesOf(target));
      const moved = system === undefined || factor === undefined ? [] : Object.entries(moves);
      return {
        target,
        lever,
        direction,
        sets: setBy(action),
        held: HELD.includes(lever),
        nodes: lever === "instances" && factor !== undefined ? Number(action.parameters?.["by"] ?? 1) : 0,
        factors: new Map(moved.map(([metric, way]) => [`${system}.${metric}`, way === 1 ? 1 / factor! : factor!])),
      };
    });
  });
}

/**
 * What the lever leaves of a metric that it lowers. The same work on more processors, in more memory or on more nodes is so
 * much less of each.
 */
function factorOf(lever: Lever, { parameters = {} }: RuleAction, nodes: number): number | undefined {
  const { increaseCpu, increaseMemory, by = 1 } = parameters;
  if (lever === "cpu-share") return lowered(1 + Number(increaseCpu) / 100);
  if (lever === "memory") return lowered(1 + Number(increaseMemory) / 100);
  if (lever === "instances") return lowered((nodes + Number(by)) / nodes);
  return HELD.includes(lever) ? LEAST_HOLD : undefined;
}

/** `growth` of what there is of a resource; what shrinks raises the metrics, which `moves` says the other way round. */
function lowered(growth: number): number | undefined {
  if (!(growth > 0)) return undefined;
  return growth >= 1 ? 1 / growth : growth;
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
