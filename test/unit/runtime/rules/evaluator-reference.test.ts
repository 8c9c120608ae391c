import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { System } from "../../../../models/metrics.ts";
import type { CompleteRule } from "../../../../models/rules.ts";
import { checkRules } from "../../../../runtime/rules/check-rules.ts";
import { Columns } from "../../../../runtime/rules/columns.ts";
import { RuleEvaluator } from "../../../../runtime/rules/rule-evaluator.ts";
import { naiveFirings, naiveTruth, type Row } from "../../../support/naive-rules.ts";
import { rows, rules } from "../../../support/random-rules.ts";

function checked(input: unknown): CompleteRule[] {
  const { rules, faults } = checkRules(input);
  expect(faults).toEqual([]);
  return rules;
}

function write(columns: Columns, row: Row): void {
  for (const system of ["brain", "heart"] satisfies System[]) {
    for (const metric of ["load", "cpu", "saturation"]) {
      columns.set(columns.column(system, metric)!, row.values[`${system}.${metric}`] ?? Number.NaN, row.at);
    }
  }
}

describe("the evaluator, beside an interpreter that reads the rule language literally", () => {
  test("fires, keeps active and ends the same rules at the same moments", () => {
    fc.assert(
      fc.property(rules, rows, (input, series) => {
        const list = checked(input);
        const columns = new Columns();
        const evaluator = new RuleEvaluator({ columns, wall: () => 0 });
        evaluator.load(list, 0);
        const expected = naiveFirings(list, series);
        for (const [i, row] of series.entries()) {
          write(columns, row);
          const { fired, ended } = evaluator.tick(row.at);
          const seen = {
            fired: fired.map(({ rule }) => rule.id),
            ended: ended.sort(),
            active: evaluator.active().sort(),
          };
          const wanted = expected[i]!;
          expect({ i, ...seen }).toEqual({ i, fired: wanted.fired, ended: wanted.ended, active: wanted.active });
        }
      }),
      { numRuns: 500 },
    );
  });

  test("is not disturbed by loading the same rules again, or others beside them", () => {
    fc.assert(
      fc.property(rules, rules, rows, fc.nat(), (input, others, series, when) => {
        const list = checked(input);
        const beside = checked(others.map((rule) => ({ ...rule, id: `other-${rule.id}`, mode: "shadow" })));
        const columns = new Columns();
        const evaluator = new RuleEvaluator({ columns, wall: () => 0 });
        evaluator.load(list, 0);
        const expected = naiveFirings(list, series);
        for (const [i, row] of series.entries()) {
          if (i === when % series.length) evaluator.load(structuredClone([...beside, ...list]), row.at);
          write(columns, row);
          const { fired } = evaluator.tick(row.at);
          expect({ i, fired: fired.map(({ rule }) => rule.id) }).toEqual({ i, fired: expected[i]!.fired });
        }
      }),
      { numRuns: 200 },
    );
  });

  test("says the same of conditions read once, where nothing was before", () => {
    fc.assert(
      fc.property(rules, rows, (input, [row]) => {
        const columns = new Columns();
        const evaluator = new RuleEvaluator({ columns, wall: () => 0 });
        write(columns, row!);
        for (const rule of checked(input)) {
          const truth = naiveTruth({ all: rule.conditions }, [row!], new Map(), "");
          expect(evaluator.evaluate(rule, row!.at).holds).toBe(truth === undefined ? "unknown" : String(truth));
        }
      }),
      { numRuns: 300 },
    );
  });

  test("gives a whole sentence for every rule at every moment, with the truth of each condition", () => {
    fc.assert(
      fc.property(rules, rows, (input, series) => {
        const list = checked(input);
        const columns = new Columns();
        const evaluator = new RuleEvaluator({ columns, wall: () => 0 });
        evaluator.load(list, 0);
        const expected = naiveFirings(list, series);
        for (const [i, row] of series.entries()) {
          write(columns, row);
          evaluator.tick(row.at);
          for (const { id, conditions } of list) {
            const { why, conditions: told } = evaluator.why(id, row.at);
            expect(why).toMatch(/^\S.*[^ .]\.$/);
            expect(why).not.toMatch(/undefined|NaN|null|Infinity/);
            const top = told.filter(({ path }) => /^conditions\[\d+\]$/.test(path)).map(({ truth }) => truth);
            expect(top).toHaveLength(conditions.length);
            const truth = top.includes("false") ? false : top.includes("unknown") ? undefined : true;
            expect(truth).toBe(expected[i]!.truths[id]);
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});
