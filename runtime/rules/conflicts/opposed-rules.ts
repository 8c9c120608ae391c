import { METRICS, type Metric } from "../../../models/metrics.ts";
import type { CompleteRule } from "../../../models/rules.ts";
import { meetingPoint } from "./meeting-point.ts";
import type { RuleFacts } from "./rule-facts.ts";
import { Trial } from "./trial.ts";

/** Values at which both rules are active; `before` is where one of them became so, where that is another place. */
export interface Meeting {
  at: Map<string, number>;
  before?: { rule: string; values: Map<string, number> };
}

type Values = Map<string, number>;

/**
 * Where two rules are active at once: at a point where both hold, or at one where one goes on holding, by its clear value,
 * while the other begins to. What is calculated is tried on the evaluator; undefined where it does not come about.
 */
export function meetingOf(
  { rule: a, hasClearValue: aLasts }: RuleFacts,
  { rule: b, hasClearValue: bLasts }: RuleFacts,
) {
  const at = meetingPoint([{ conditions: a.conditions }, { conditions: b.conditions }]);
  if (at && areActive([a, b], [at])) return { at };
  return (aLasts ? lasting(a, b) : undefined) ?? (bLasts ? lasting(b, a) : undefined);
}

/** `first` becomes active, and is so still when `second` does. */
function lasting(first: CompleteRule, second: CompleteRule): Meeting | undefined {
  const at = meetingPoint([{ conditions: first.conditions, reach: "holds" }, { conditions: second.conditions }]);
  const values = at && meetingPoint([{ conditions: first.conditions }]);
  if (!values || !areActive([first, second], [values, at])) return undefined;
  return { at, before: { rule: first.id, values } };
}

/** One after the other, each for as long as both rules need to become active. */
function areActive(rules: readonly CompleteRule[], points: readonly Values[]): boolean {
  const trial = new Trial(rules);
  const patience = Math.max(...rules.map((rule) => rule.for));
  let begin = 0;
  for (const point of points) {
    const climb = climbOf(point);
    // What rises takes its stretch to be known to rise, and has to go on rising for as long as the rule waits.
    const length = climb.over + patience;
    const steps = climb.over === 0 ? 1 : STEPS;
    for (let i = 0; i <= steps; i++) trial.tick(climb.at(length * (1 - i / steps)), begin + (length * i) / steps);
    begin += length + 1000;
  }
  return rules.every(({ id }) => trial.isActive(id));
}

const STEPS = 400;

/** Values that reach a point with the rates it has: `brain.load/60000` is load's rate over a minute. */
function climbOf(point: Values): { over: number; at(before: number): Values } {
  const rates = [...point].flatMap(([variable, rate]) => {
    const [key, over] = variable.split("/");
    return over === undefined ? [] : [{ key: key!, over: Number(over), rate }];
  });
  return {
    over: Math.max(0, ...rates.map(({ over }) => over)),
    at(before) {
      const values = new Map([...point].filter(([variable]) => !variable.includes("/")));
      for (const { key, rate } of rates) {
        const end = point.get(key) ?? (rate > 0 ? highest(key) : 0);
        values.set(key, end - (rate * before) / 1000);
      }
      return values;
    },
  };
}

function highest(key: string): number {
  const metric = key.slice(key.indexOf(".") + 1);
  return Object.hasOwn(METRICS, metric) ? METRICS[metric as Metric].max : 0;
}
