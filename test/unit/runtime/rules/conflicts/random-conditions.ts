import fc from "fast-check";
import type { System } from "../../../../../models/metrics.ts";
import type { Comparison, Condition, MetricOperand, Operator } from "../../../../../models/rules.ts";

/** Values of metrics, as `brain.load`; what is not there is unknown. */
export type Point = ReadonlyMap<string, number>;

export const KEYS = ["brain.load", "brain.saturation", "heart.load"] as const;

const key = fc.constantFrom(...KEYS);
const bound = fc.integer({ min: 0, max: 5 }).map((n) => n * 20);

function named(name: string): { system: System; metric: string } {
  const [system, metric] = name.split(".") as [System, string];
  return { system, metric };
}

const upward = fc
  .record({
    key,
    operator: fc.constantFrom<Operator>("greaterThan", "greaterOrEqual"),
    value: bound,
    clear: fc.boolean(),
  })
  .map(({ key: name, operator, value, clear }) => ({
    ...named(name),
    operator,
    value,
    ...(clear ? { clearValue: Math.max(0, value - 20) } : {}),
  }));
const downward = fc
  .record({ key, operator: fc.constantFrom<Operator>("lessThan", "lessOrEqual"), value: bound, clear: fc.boolean() })
  .map(({ key: name, operator, value, clear }) => ({
    ...named(name),
    operator,
    value,
    ...(clear ? { clearValue: Math.min(100, value + 20) } : {}),
  }));
const pointed = fc
  .record({ key, operator: fc.constantFrom<Operator>("equals", "notEquals"), value: bound })
  .map(({ key: name, operator, value }) => ({ ...named(name), operator, value }));
const stretch = fc
  .record({ key, operator: fc.constantFrom<Operator>("between", "outside"), one: bound, other: bound })
  .map(({ key: name, operator, one, other }) => ({
    ...named(name),
    operator,
    value: [Math.min(one, other), Math.max(one, other)] as [number, number],
  }));
const linked = fc
  .record({
    key,
    other: key,
    operator: fc.constantFrom<Operator>("greaterThan", "lessThan", "lessOrEqual", "equals", "notEquals"),
    times: fc.constantFrom(undefined, 0.5, 2, -1),
  })
  .map(({ key: name, other, operator, times }) => ({
    ...named(name),
    operator,
    value: { ...named(other), ...(times === undefined ? {} : { times }) },
  }));

export const comparison: fc.Arbitrary<Comparison> = fc.oneof(upward, downward, pointed, stretch, linked);

export const condition: fc.Arbitrary<Condition> = fc.letrec<{ tree: Condition; leaf: Condition }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    tie("leaf"),
    fc.record({ all: fc.array(tie("tree"), { minLength: 1, maxLength: 3 }) }),
    fc.record({ any: fc.array(tie("tree"), { minLength: 1, maxLength: 3 }) }),
    fc.record({ not: tie("tree") }),
  ),
  leaf: comparison,
})).tree;

/** Every point of a grid over three metrics. Bounds of comparisons lie on every second one of its values. */
export function* grid(step: number): Generator<Point> {
  for (let a = 0; a <= 100; a += step)
    for (let b = 0; b <= 100; b += step)
      for (let c = 0; c <= 100; c += step)
        yield new Map([
          [KEYS[0], a],
          [KEYS[1], b],
          [KEYS[2], c],
        ]);
}

/** What an interpreter says that knows nothing of how it is done elsewhere: undefined is unknown. */
export function isTrue(one: Condition, point: Point): boolean | undefined {
  if ("not" in one) {
    const inner = isTrue(one.not, point);
    return inner === undefined ? undefined : !inner;
  }
  if ("all" in one || "any" in one) {
    const decides = !("all" in one);
    const inner = ("all" in one ? one.all : one.any).map((each) => isTrue(each, point));
    return inner.includes(decides) ? decides : inner.includes(undefined) ? undefined : !decides;
  }
  const value = point.get(`${one.system}.${one.metric}`);
  const range = boundAt(one.value, point);
  if (value === undefined || range === undefined) return undefined;
  const [low, high] = range;
  switch (one.operator) {
    case "greaterThan":
      return value > low;
    case "lessThan":
      return value < low;
    case "greaterOrEqual":
      return value >= low;
    case "lessOrEqual":
      return value <= low;
    case "equals":
      return value === low;
    case "notEquals":
      return value !== low;
    case "between":
      return value >= low && value <= high;
    case "outside":
      return value < low || value > high;
    default:
      throw new Error(one.operator);
  }
}

function boundAt(value: Comparison["value"], point: Point): [number, number] | undefined {
  if (typeof value === "number") return [value, value];
  if (Array.isArray(value)) return value;
  const { system, metric, times = 1 } = value as MetricOperand;
  const other = point.get(`${system}.${metric}`);
  return other === undefined ? undefined : [times * other, times * other];
}
