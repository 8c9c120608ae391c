import type { Metric } from "../../../../models/metrics.ts";
import { METRICS, ORGANISM } from "../../../../models/metrics.ts";
import type { RuleWhy } from "../../../../models/rule-results.ts";
import type { RuleAction } from "../../../../models/rules.ts";
import type { Push } from "../../../../runtime/rules/levers.ts";
import type { Target } from "./targets.ts";

/**
 * The metric that an action was to improve: what it names itself; else one of the target's that the rule looked at and the
 * action moves; else the first one that the action moves for the better and that is known. Undefined where there is none.
 */
export function watchedOf(
  { parameters }: RuleAction,
  { system }: Target,
  pushes: readonly Push[],
  { conditions }: RuleWhy,
  isKnown: (metric: string) => boolean,
): string | undefined {
  const wish = parameters?.["watch"];
  if (typeof wish === "string") return wish;
  if (pushes.length === 0 || pushes.every(({ moves }) => Object.keys(moves).length === 0)) return undefined;
  if (system === ORGANISM) return isKnown("organism.harmony") ? "organism.harmony" : undefined;
  const improved = pushes.flatMap(({ moves }) =>
    (Object.keys(moves) as Metric[]).filter((metric) => METRICS[metric].bad === "low" || moves[metric] === -1),
  );
  const read = conditions.flatMap(({ read }) => read).filter((one) => one.system === system);
  const looked = read.find(({ metric }) => improved.includes(metric as Metric));
  const metric = looked?.metric ?? improved.find((one) => METRICS[one].bad !== "none" && isKnown(`${system}.${one}`));
  return metric === undefined ? undefined : `${system}.${metric}`;
}
