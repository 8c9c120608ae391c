import type { RuleConflict } from "../../../models/replay-report.ts";
import { type Effect, isAgainst } from "./effects.ts";
import { turnsOf } from "./links.ts";
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

export function selfConflict({ rule, effects }: RuleFacts, demand: Values): RuleConflict {
  const { target, lever } = effects.find((effect) => effect.held && effect.metrics.length > 0)!;
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

export function chainConflict({ circle, demand, push, nodes }: Loop): RuleConflict {
  const rules = circle.map(({ rule }) => rule.id);
  const links = circle.map((facts, i) => linkOf(facts, circle[(i + 1) % circle.length]!));
  const isScaled = circle.some(({ effects }) => effects.some(({ lever }) => lever === "instances"));
  const scaled = isScaled ? ` on ${nodes} node${nodes === 1 ? "" : "s"}` : "";
  const pushed = push ? `, once ${push.rule} has become active at ${valuesText(push.values)}` : "";
  const { target, lever } = links[0]!;
  return {
    kind: "chain",
    rules,
    target,
    lever,
    example: Object.fromEntries(demand),
    found: "calculated",
    why: `with work that alone makes ${valuesText(demand)}${scaled}${pushed}, ${circleText(rules, links)}`,
  };
}

function circleText(rules: readonly string[], links: readonly Effect[]): string {
  const [a, b] = rules;
  const [{ target, lever }, back] = links as [Effect, Effect];
  if (rules.length === 2 && isAgainst(links[0]!, back))
    return (
      `what ${a} does to ${lever} of ${target} makes ${b} fire, and what that does makes ${a} fire again; ` +
      "their bounds lie too near to each other for steps of this size"
    );
  const each = links.map((link, i) => {
    const again = i === links.length - 1;
    const next = again ? `${a} fire again` : `${rules[i + 1]} fire`;
    return `${again ? "and " : ""}what ${rules[i]} does to ${link.lever} of ${link.target} makes ${next}`;
  });
  return (
    `${each.join(", ")}; a bound of one of them that the one before it does not reach breaks the circle, ` +
    "and so does one that acts on something else"
  );
}

/** What `one` does that makes `next` fire; where there are several, what `next` turns round again. */
function linkOf(one: RuleFacts, next: RuleFacts): Effect {
  const links = one.effects.filter((effect) => [...turnsOf([effect])].some((turn) => next.turnedBy.has(turn)));
  return links.find((link) => next.effects.some((other) => isAgainst(link, other))) ?? links[0]!;
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
