import type { Stretch } from "../../../models/organism-state.ts";
import type { CompleteRule } from "../../../models/rules.ts";
import { findConflicts } from "../conflicts/find-conflicts.ts";
import { replayed } from "../replay/replayed.ts";
import type { Difference, RuleTest, RuleTestFile, RuleTestResult } from "./rule-test.ts";

/** Every test on a fresh evaluator, the one that the organism has. Rules are taken for enabled, and not for shadow ones. */
export function runRuleTests({ rules, tests, conflicts }: RuleTestFile): RuleTestResult[] {
  const results = tests.map((test) => runRuleTest(test, rules));
  if (conflicts) results.push(resultOf("rules that fight", conflictDifferences(rules, conflicts)));
  return results;
}

interface Moment {
  active: string[];
  why: Map<string, string>;
}

function runRuleTest(test: RuleTest, rules: readonly CompleteRule[]): RuleTestResult {
  const moments = new Map<number, Moment>();
  const askedAt = new Set([...(test.firings ?? []), ...(test.active ?? []), ...(test.why ?? [])].map(({ at }) => at));
  const { firings, ended } = replayed(stretchOf(test), rules, (evaluator, wall) => {
    const at = wall - test.start;
    if (!askedAt.has(at)) return;
    const why = new Map(rules.map(({ id }) => [id, evaluator.why(id, wall).why]));
    moments.set(at, { active: evaluator.active(), why });
  });
  const since = <T extends { at: number }>(list: readonly T[]) =>
    list.map((one) => ({ ...one, at: one.at - test.start }));
  const fired = since(firings);
  const whyAt = (at: number, rule: string) => moments.get(at)?.why.get(rule) ?? "";
  return resultOf(test.name, [
    ...(test.firings ? listDifferences("firings", test.firings, fired, whyAt, ({ why }) => why.why) : []),
    ...(test.ended
      ? listDifferences(
          "ended",
          test.ended,
          since(ended),
          () => "it did not end then",
          () => "",
        )
      : []),
    ...(test.active ?? []).flatMap(({ at, rules: expected }) =>
      activeDifferences(at, expected, moments.get(at), whyAt),
    ),
    ...(test.why ?? []).flatMap(({ at, rule, says }): Difference[] => {
      const why = whyAt(at, rule);
      return why.includes(says) ? [] : [{ kind: "otherwise", of: "why", at, rule, why: `"${says}" is not in: ${why}` }];
    }),
  ]);
}

function resultOf(name: string, differences: Difference[]): RuleTestResult {
  const inOrder = differences.sort((one, other) => (one.at ?? -1) - (other.at ?? -1));
  return { name, passed: differences.length === 0, differences: inOrder };
}

function stretchOf({ series, interval, start }: RuleTest): Stretch {
  const length = Math.max(0, ...series.map(({ values }) => values.length));
  const rows = Array.from({ length }, (_, i) => ({
    at: start + i * interval,
    values: series.map(({ values }) => values[i] ?? null),
  }));
  return { step: interval, columns: series.map(({ key }) => key), rows };
}

interface Seen {
  at: number;
  rule: string;
}

function listDifferences<T extends Seen>(
  of: "firings" | "ended",
  expected: readonly Seen[],
  seen: readonly T[],
  whyNot: (at: number, rule: string) => string,
  why: (one: T) => string,
): Difference[] {
  const has = (list: readonly Seen[], { at, rule }: Seen) => list.some((one) => one.at === at && one.rule === rule);
  const missing = expected.filter((one) => !has(seen, one));
  const unexpected = seen.filter((one) => !has(expected, one));
  return [
    ...missing.map(({ at, rule }) => ({ kind: "missing" as const, of, at, rule, why: whyNot(at, rule) })),
    ...unexpected.map((one) => ({ kind: "unexpected" as const, of, at: one.at, rule: one.rule, why: why(one) })),
  ];
}

function activeDifferences(
  at: number,
  expected: readonly string[],
  moment: Moment | undefined,
  whyAt: (at: number, rule: string) => string,
): Difference[] {
  const active = moment?.active ?? [];
  const one = (kind: Difference["kind"], rule: string) => ({
    kind,
    of: "active" as const,
    at,
    rule,
    why: whyAt(at, rule),
  });
  return [
    ...expected.filter((rule) => !active.includes(rule)).map((rule) => one("missing", rule)),
    ...active.filter((rule) => !expected.includes(rule)).map((rule) => one("unexpected", rule)),
  ];
}

function conflictDifferences(rules: readonly CompleteRule[], expected: readonly string[][]): Difference[] {
  const found = findConflicts(rules.map((rule) => ({ ...rule, enabled: true })));
  const keyOf = (ids: readonly string[]) => ids.toSorted().join(" and ");
  const wanted = new Set(expected.map(keyOf));
  const there = new Set(found.map((one) => keyOf(one.rules)));
  const missing = [...wanted].filter((key) => !there.has(key));
  return [
    ...missing.map((rule) => ({
      kind: "missing" as const,
      of: "conflicts" as const,
      at: null,
      rule,
      why: "they do not",
    })),
    ...found
      .filter((one) => !wanted.has(keyOf(one.rules)))
      .map(({ rules: ids, why }) => ({
        kind: "unexpected" as const,
        of: "conflicts" as const,
        at: null,
        rule: keyOf(ids),
        why,
      })),
  ];
}
