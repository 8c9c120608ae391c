import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { RuleSystem } from "../../../../models/metrics.ts";
import type { Condition } from "../../../../models/rules.ts";
import { checkRules } from "../../../../runtime/rules/check-rules.ts";
import { Columns } from "../../../../runtime/rules/columns.ts";
import { RuleEvaluator } from "../../../../runtime/rules/rule-evaluator.ts";
import { rows, rules } from "../../../support/random-rules.ts";
import { jsonRulesEngine, type RulePeer, zenEngine } from "../../../support/rule-peers.ts";

/** Without what only this language has: rates, hysteresis, and another metric times something. */
function plain(condition: Condition): Condition {
  if ("all" in condition) return { all: condition.all.map(plain) };
  if ("any" in condition) return { any: condition.any.map(plain) };
  if ("not" in condition) return { not: plain(condition.not) };
  const { system, metric, operator, value } = condition;
  const other = operator === "increasingFasterThan" || operator === "decreasingFasterThan" ? "notEquals" : operator;
  const simple = typeof value === "object" && !Array.isArray(value) ? { ...value, times: 1 } : value;
  return { system, metric, operator: other, value: simple };
}

async function sameAs(
  peerOf: (rules: ReturnType<typeof checkRules>["rules"]) => RulePeer,
  runs: number,
): Promise<void> {
  const property = fc.asyncProperty(rules, rows, async (input, series) => {
    const timeless = { for: 0, keepFor: 0, minActive: 0 };
    const list = checkRules(input).rules.map((rule) => ({
      ...rule,
      ...timeless,
      conditions: rule.conditions.map(plain),
    }));
    const peer = peerOf(list);
    const columns = new Columns();
    const evaluator = new RuleEvaluator({ columns, wall: () => 0 });
    evaluator.load(list, 0);
    let facts = Object.fromEntries(
      ["brain", "heart"].flatMap((s) => ["load", "cpu", "saturation"].map((m) => [`${s}.${m}`, 20])),
    );
    for (const { at, values } of series.slice(0, 8)) {
      facts = { ...facts, ...values };
      for (const [key, value] of Object.entries(facts)) {
        const [system, metric] = key.split(".") as [RuleSystem, string];
        columns.set(columns.column(system, metric)!, value, at);
      }
      evaluator.tick(at);
      expect(evaluator.active().sort()).toEqual([...(await peer.holding(facts))].sort());
    }
  });
  await fc.assert(property, { numRuns: runs });
}

const ZEN = process.env["ZEN_ENGINE"];

describe("the same rules hold", () => {
  test("as json-rules-engine says", () => sameAs(jsonRulesEngine, 150));

  // No dependency, since its programs for other machines are many: ZEN_ENGINE=<path of its main file> brings it in.
  if (ZEN) test("as @gorules/zen-engine says", () => sameAs((list) => zenEngine(list, ZEN), 150));
});
