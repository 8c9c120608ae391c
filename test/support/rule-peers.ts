import { createRequire } from "node:module";
import { Engine, type NestedCondition } from "json-rules-engine";
import type { Comparison, CompleteRule, Condition, Operator } from "../../models/rules.ts";

/** Other rule engines with our rules; facts by key of the column, as `brain.load`, all of them known. */
export interface RulePeer {
  /** Ids of the rules that hold. */
  holding(facts: Readonly<Record<string, number>>): Promise<Set<string>>;
}

const NAMES: Partial<Record<Operator, string>> = {
  greaterThan: "greaterThan",
  lessThan: "lessThan",
  greaterOrEqual: "greaterThanInclusive",
  lessOrEqual: "lessThanInclusive",
  equals: "equal",
  notEquals: "notEqual",
};

export function jsonRulesEngine(rules: readonly CompleteRule[]): RulePeer {
  const engine = new Engine();
  const inside = (x: number, [low, high]: [number, number]) => x >= low && x <= high;
  engine.addOperator("between", inside);
  engine.addOperator("outside", (x: number, range: [number, number]) => !inside(x, range));
  const translated = (condition: Condition): NestedCondition => {
    if ("all" in condition) return { all: condition.all.map(translated) };
    if ("any" in condition) return { any: condition.any.map(translated) };
    if ("not" in condition) return { not: translated(condition.not) };
    const { system, metric, operator, value } = condition;
    return {
      fact: `${system}.${metric}`,
      operator: NAMES[operator] ?? operator,
      value: isOperand(value) ? { fact: `${value.system}.${value.metric}` } : value,
    };
  };
  for (const { id, conditions } of rules) {
    engine.addRule({ conditions: { all: conditions.map(translated) }, event: { type: id } });
  }
  return {
    async holding(facts) {
      const { events } = await engine.run(facts);
      return new Set(events.map(({ type }) => type));
    },
  };
}

const SIGNS: Partial<Record<Operator, string>> = {
  greaterThan: ">",
  lessThan: "<",
  greaterOrEqual: ">=",
  lessOrEqual: "<=",
  equals: "==",
  notEquals: "!=",
};

/** @param path of the main file of `@gorules/zen-engine`, which is no dependency: its programs for other machines are many */
export function zenEngine(rules: readonly CompleteRule[], path: string): RulePeer {
  const { ZenEngine } = createRequire(import.meta.url)(path) as Zen;
  const text = (condition: Condition): string => {
    if ("all" in condition) return `(${condition.all.map(text).join(" and ")})`;
    if ("any" in condition) return `(${condition.any.map(text).join(" or ")})`;
    if ("not" in condition) return `not ${text(condition.not)}`;
    return `(${compared(condition)})`;
  };
  const expressions = rules.map(({ conditions }, i) => ({
    id: `e${i}`,
    key: `r${i}`,
    value: text({ all: conditions }),
  }));
  const at = { x: 0, y: 0 };
  const decision = new ZenEngine().createDecision({
    nodes: [
      { id: "in", name: "in", type: "inputNode", position: at },
      { id: "rules", name: "rules", type: "expressionNode", position: at, content: { expressions } },
      { id: "out", name: "out", type: "outputNode", position: at },
    ],
    edges: [
      { id: "1", sourceId: "in", targetId: "rules" },
      { id: "2", sourceId: "rules", targetId: "out" },
    ],
  });
  return {
    async holding(facts) {
      const context: Record<string, Record<string, number>> = {};
      for (const [key, value] of Object.entries(facts)) {
        const [system, metric] = key.split(".") as [string, string];
        context[system] ??= {};
        context[system][metric] = value;
      }
      const { result } = await decision.evaluate(context);
      return new Set(rules.filter((_, i) => result[`r${i}`]).map(({ id }) => id));
    },
  };
}

interface Zen {
  ZenEngine: new () => {
    createDecision(content: object): { evaluate(context: object): Promise<{ result: Record<string, boolean> }> };
  };
}

function compared({ system, metric, operator, value }: Comparison): string {
  const fact = `${system}.${metric}`;
  if (Array.isArray(value)) {
    const inside = `${fact} >= ${value[0]} and ${fact} <= ${value[1]}`;
    return operator === "between" ? inside : `not (${inside})`;
  }
  return `${fact} ${SIGNS[operator]} ${isOperand(value) ? `${value.system}.${value.metric}` : value}`;
}

function isOperand(value: Comparison["value"]): value is Exclude<Comparison["value"], number | [number, number]> {
  return typeof value === "object" && !Array.isArray(value);
}
