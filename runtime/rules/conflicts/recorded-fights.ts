import type { Stretch } from "../../../models/organism-state.ts";
import type { CompleteRule } from "../../../models/rules.ts";
import { effectsOf, isAgainst } from "./effects.ts";

/** Reversals of one lever within ten minutes that are a fight; as many as are stopped at run time. */
const REVERSALS = 4;
const WINDOW = 600_000;

export interface Fight {
  rules: [string, string];
  target: string;
  lever: string;
  /** Reversals within ten minutes, and when the first of them was: ms since the epoch. */
  times: number;
  at: number;
}

interface LastPush {
  at: number;
  rule: string;
  reversals: { at: number; rules: [string, string] }[];
  effect: ReturnType<typeof effectsOf>[number];
}

/** Levers that rules pushed to and fro, going by when they fired. */
export function fightsIn(firings: readonly { at: number; rule: string }[], rules: readonly CompleteRule[]): Fight[] {
  const effects = new Map(rules.map((rule) => [rule.id, effectsOf(rule)]));
  const levers = new Map<string, LastPush>();
  const fights = new Map<string, Fight>();
  for (const { at, rule } of firings)
    for (const effect of effects.get(rule) ?? []) {
      const key = `${effect.target}\n${effect.lever}`;
      const last = levers.get(key);
      const reversals = (last?.reversals ?? []).filter((one) => one.at > at - WINDOW);
      if (last && isAgainst(last.effect, effect)) reversals.push({ at, rules: [last.rule, rule] });
      levers.set(key, { at, rule, reversals, effect });
      if (reversals.length < REVERSALS || fights.has(key)) continue;
      const [first] = reversals;
      const { target, lever } = effect;
      fights.set(key, { rules: first!.rules, target, lever, times: reversals.length, at: first!.at });
    }
  return [...fights.values()];
}

/** What was known at a moment of a stretch, as `brain.load` → 90. */
export function valuesAt({ columns, rows }: Stretch, at: number): Map<string, number> {
  const row = rows.findLast((one) => one.at <= at);
  const known = columns.flatMap((key, i): [string, number][] => {
    const value = row?.values[i];
    return value === null || value === undefined ? [] : [[key, value]];
  });
  return new Map(known);
}
