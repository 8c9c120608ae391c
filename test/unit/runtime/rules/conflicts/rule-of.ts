import type { Comparison, CompleteRule, Operator, RuleAction, SymbioticRule } from "../../../../../models/rules.ts";
import { checkRules } from "../../../../../runtime/rules/check-rules.ts";

const ANY = [{ system: "brain", metric: "load", operator: "greaterThan", value: 1 }];

/** A rule with every default, as the engine has it; one that can never hold too, which the engine would refuse. */
export function ruleOf(rule: SymbioticRule): CompleteRule {
  const { rules, faults } = checkRules({ ...rule, conditions: ANY });
  if (faults.length > 0) throw new Error(faults.map(({ detail }) => detail).join("; "));
  return { ...rules[0]!, conditions: rule.conditions };
}

/** `brain.load` greaterThan 85 … */
export function when(key: string, operator: Operator, value: Comparison["value"], more: Partial<Comparison> = {}) {
  const dot = key.indexOf(".");
  const system = key.slice(0, dot) as Comparison["system"];
  return { system, metric: key.slice(dot + 1), operator, value, ...more };
}

export function cpu(increaseCpu: number, target = "brain"): RuleAction {
  return { type: "adjustResourceAllocation", target, parameters: { increaseCpu } };
}
