import type { RuleWhy, Truth } from "../../models/rule-results.ts";
import type { Comparison, CompleteRule, Condition } from "../../models/rules.ts";
import { comparisonText, type Read } from "./comparison-text.ts";

/** A condition with what was read for it. Comparisons have no parts. */
export interface ReadCondition {
  path: string;
  kind: "comparison" | "all" | "any" | "not";
  truth: Truth;
  /** What is asked, as `brain.load is greater than 85 %`. */
  text: string;
  /** What was found, as `brain.load is 62 %, not greater than 85 %`; of comparisons. */
  found: string;
  read: Read[];
  parts: ReadCondition[];
}

/** Where truth and values of comparisons come from; they are numbered in the order in which they are written. */
export interface ConditionSource {
  truth(comparison: Comparison, written: number): Truth;
  read(system: string, metric: string): Read;
  /** A second; NaN: not known. */
  rate(comparison: Comparison): number;
}

const RANK: Record<Truth, number> = { false: 0, unknown: 1, true: 2 };
const TRUTHS = ["false", "unknown", "true"] as const;

export function readConditions(rule: Pick<CompleteRule, "conditions">, source: ConditionSource): ReadCondition {
  let written = 0;
  const visit = (condition: Condition, path: string): ReadCondition => {
    if ("not" in condition) {
      const part = visit(condition.not, `${path}.not`);
      return group("not", path, TRUTHS[2 - RANK[part.truth]]!, [part]);
    }
    if ("all" in condition) return joined("all", path, condition.all, `${path}.all`);
    if ("any" in condition) return joined("any", path, condition.any, `${path}.any`);
    return compared(condition, path, source, written++);
  };
  const joined = (kind: "all" | "any", path: string, conditions: readonly Condition[], inside: string) => {
    const parts = conditions.map((one, i) => visit(one, `${inside}[${i}]`));
    const ranks = parts.map(({ truth }) => RANK[truth]);
    const rank = kind === "all" ? Math.min(...ranks) : Math.max(...ranks);
    return group(kind, path, TRUTHS[rank]!, parts);
  };
  return joined("all", "", rule.conditions, "conditions");
}

function group(kind: "all" | "any" | "not", path: string, truth: Truth, parts: ReadCondition[]): ReadCondition {
  const text = kind === "not" ? "not" : `${kind} of ${parts.length}`;
  return { path, kind, truth, text, found: "", read: [], parts };
}

function compared(comparison: Comparison, path: string, source: ConditionSource, written: number): ReadCondition {
  const { system, metric, value } = comparison;
  const truth = source.truth(comparison, written);
  const read = [source.read(system, metric)];
  if (typeof value === "object" && !Array.isArray(value)) read.push(source.read(value.system, value.metric));
  const { text, found } = comparisonText(comparison, truth, read, () => source.rate(comparison));
  return { path, kind: "comparison", truth, text, found, read, parts: [] };
}

/** As RuleWhy lists them: groups before their parts. */
export function listed(root: ReadCondition): RuleWhy["conditions"] {
  const list: RuleWhy["conditions"] = [];
  const add = ({ path, text, truth, read, parts }: ReadCondition) => {
    if (path !== "") list.push({ path, text, truth, read });
    for (const part of parts) add(part);
  };
  add(root);
  return list;
}
