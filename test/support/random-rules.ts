import fc from "fast-check";
import { OPERATORS } from "../../models/rules.ts";
import { checkRules } from "../../runtime/rules/check-rules.ts";
import type { Row } from "./naive-rules.ts";

/** Few columns and few values, so that bounds are met exactly and rules turn often. */
const METRICS = ["load", "cpu", "saturation"] as const;
const SYSTEMS = ["brain", "heart"] as const;
const value = fc.integer({ min: 0, max: 6 }).map((n) => n * 10);
const where = fc.record({ system: fc.constantFrom(...SYSTEMS), metric: fc.constantFrom(...METRICS) });

const comparison = fc
  .tuple(where, fc.constantFrom(...OPERATORS), value, value, where, fc.constantFrom("number", "clear", "metric"))
  .map(([at, operator, a, b, other, kind]) => {
    const [low, high] = [Math.min(a, b), Math.max(a, b)];
    if (operator === "between" || operator === "outside") return { ...at, operator, value: [low, high] };
    if (operator === "increasingFasterThan" || operator === "decreasingFasterThan") {
      const clear = kind === "clear" ? { clearValue: low / 10 } : {};
      return { ...at, operator, value: high / 10, over: 2000 + low * 100, ...clear };
    }
    if (kind === "metric") return { ...at, operator, value: { ...other, times: a / 20 } };
    if (kind === "number" || operator === "equals" || operator === "notEquals") return { ...at, operator, value: a };
    return operator.startsWith("greater")
      ? { ...at, operator, value: high, clearValue: low }
      : { ...at, operator, value: low, clearValue: high };
  });

const { condition } = fc.letrec<{ condition: unknown }>((tie) => ({
  condition: fc.oneof(
    { depthSize: "small", maxDepth: 4, withCrossShrink: true },
    { arbitrary: comparison, weight: 4 },
    { arbitrary: fc.record({ all: fc.array(tie("condition"), { minLength: 1, maxLength: 3 }) }), weight: 1 },
    { arbitrary: fc.record({ any: fc.array(tie("condition"), { minLength: 1, maxLength: 3 }) }), weight: 1 },
    { arbitrary: fc.record({ not: tie("condition") }), weight: 1 },
  ),
}));

const time = fc.constantFrom(0, 0, 1000, 2500, 6000);

/** Rules as one writes them, but for some that can never hold. */
export const anyRules = fc
  .array(
    fc.record({
      conditions: fc.array(condition, { minLength: 1, maxLength: 3 }),
      for: time,
      keepFor: time,
      minActive: time,
      cooldown: fc.constantFrom(1000, 3000, 60_000),
      priority: fc.constantFrom(300, 500, 700),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((list) =>
    list.map((rule, i) => ({ id: `rule-${i}`, actions: [{ type: "alert", target: "organism" }], ...rule })),
  );

/** Rules without what is wrong. */
export const rules = anyRules
  .map((list) => list.filter((rule) => checkRules(rule).faults.length === 0))
  .filter((list) => list.length > 0);

/** A series of measurements, some of which are missing, at uneven moments. */
export const rows = fc
  .array(
    fc.record({
      step: fc.constantFrom(500, 1000, 1000, 1000, 3000),
      values: fc.array(fc.option(value, { freq: 5 }), { minLength: 6, maxLength: 6 }),
    }),
    { minLength: 1, maxLength: 30 },
  )
  .map((list) => {
    let at = 0;
    return list.map(({ step, values }): Row => {
      at += step;
      const keys = SYSTEMS.flatMap((system) => METRICS.map((metric) => `${system}.${metric}`));
      const known = keys.flatMap((key, i) => (values[i] === null ? [] : [[key, values[i]] as const]));
      return { at, values: Object.fromEntries(known) };
    });
  });
