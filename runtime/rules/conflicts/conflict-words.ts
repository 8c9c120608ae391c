import type { RuleConflict } from "../../../models/replay-report.ts";
import type { Effect } from "./effects.ts";
import type { Loop } from "./loops.ts";
import type { Meeting } from "./opposed-rules.ts";
import type { Fight } from "./recorded-fights.ts";
import type { RuleFacts } from "./rule-facts.ts";

type Values = ReadonlyMap<string, number>;

export function opposedConflict(rules: string[], { target, lever }: Effect, { at, before }: Meeting): RuleConflict {
  const both =
    rules.length === 1 ? `two actions of ${rules[0]} push` : `${rules[0]} and ${rules[1]} are active and push`;
  const first = before ? `, once ${before.rule} has become active at ${valuesText(before.values)}` : "";
  return {
    kind: "opposed",
    rules,
    target,
    lever,
    example: Object.fromEntries(at),
    found: "calculated",
    why: `at ${valuesText(at)}${first}, ${both} ${lever} of ${target} opposite ways`,
  };
}

export function selfConflict({ rule, effects }: RuleFacts, { demand }: Loop): RuleConflict {
  const { target, lever } = effects.find((effect) => effect.held && effect.factors.size > 0)!;
  return {
    kind: "undoes-itself",
    rules: [rule.id],
    target,
    lever,
    example: Object.fromEntries(demand),
    found: "calculated",
    why:
      `at ${valuesText(demand)}, what ${rule.id} keeps from ${target} is enough to end it; that is let in again, and the rule ` +
      "fires anew; a clearValue, or a keepFor or minActive of half a minute or more, prevents that",
  };
}

export function chainConflict(
  rules: [string, string],
  { target, lever }: Effect,
  { demand, nodes }: Loop,
): RuleConflict {
  const [a, b] = rules;
  const scaled = lever === "instances" ? ` on ${nodes} node${nodes === 1 ? "" : "s"}` : "";
  return {
    kind: "chain",
    rules,
    target,
    lever,
    example: Object.fromEntries(demand),
    found: "calculated",
    why:
      `with work that alone makes ${valuesText(demand)}${scaled}, what ${a} does to ${lever} of ${target} makes ${b} fire, ` +
      `and what that does makes ${a} fire again; their bounds lie too near to each other for steps of this size`,
  };
}

export function recordedConflict({ rules, target, lever, times, at }: Fight, values: Values): RuleConflict {
  return {
    kind: "opposed",
    rules,
    target,
    lever,
    example: Object.fromEntries(values),
    found: "recorded",
    why:
      `on the recorded vitals ${rules[0]} and ${rules[1]} turn ${lever} of ${target} round ${times} times within ten ` +
      `minutes, first at ${new Date(at).toISOString()}`,
  };
}

/** `brain.load 90, brain.cpu 40` */
function valuesText(values: Values): string {
  return [...values].map(([key, value]) => `${name(key)} ${Math.round(value * 1000) / 1000}`).join(", ");
}

function name(variable: string): string {
  const [key, over] = variable.split("/");
  return over === undefined ? key! : `${key} changing over ${Number(over) / 1000} s by`;
}
