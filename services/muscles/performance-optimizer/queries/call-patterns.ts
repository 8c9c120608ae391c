import type { ServiceQueries, ShapeFacts } from "../../../../models/query-facts.ts";
import { type Advice, advice } from "./advice.ts";
import { actionsOf, meanTime, round, serviceTime, time, totalTime } from "./facts.ts";

/** Calls that ran one shape ten times or more. */
const MIN_CALLS = 3;
/** Where calls overlap, runs for each call of the action, and calls. */
const MIN_RATIO = 10;
const MIN_OVERLAPPING = 20;
/** Of the service's time in queries, or of one call, µs; below both nobody would notice. */
const MIN_SHARE = 0.01;
const MIN_TIME = 1000;
/** Of a find without a limit: documents returned by one run, on average and at most. */
const MANY_RETURNED = 500;
const MOST_RETURNED = 1000;

interface Pattern {
  shape: ShapeFacts;
  action: string;
  perCall: number;
  sentence: string;
}

/**
 * Queries that one call asks again and again, where one query would do for all: N + 1 of them for a list of N. Writes
 * that reach the disk one by one are the same.
 */
export function repeatedQueries(facts: ServiceQueries): Advice[] {
  const whole = serviceTime(facts);
  const found = facts.shapes
    .filter(({ shape, repeats }) => ["get", "find", "count", "commit"].includes(shape.kind) || repeats.calls > 0)
    .filter(({ shape }) => !["insert", "update", "erase", "each", "lock", "page"].includes(shape.kind))
    .flatMap((shape) => patternOf(shape, facts) ?? [])
    .filter(({ shape, perCall }) => totalTime(shape) >= MIN_SHARE * whole || perCall * meanTime(shape) >= MIN_TIME);
  // Each update reads the document first: then the commits are what is repeated.
  const writing = new Set(found.flatMap(({ shape, action }) => (shape.shape.kind === "commit" ? [action] : [])));
  return found
    .filter(({ shape, action }) => shape.shape.kind === "commit" || !writing.has(action))
    .map((pattern) => patternAdvice(facts, pattern, whole));
}

function patternOf(shape: ShapeFacts, { actions }: ServiceQueries): Pattern | undefined {
  const { calls, runs, largest, action } = shape.repeats;
  if (calls >= MIN_CALLS) {
    const perCall = runs / calls;
    const sentence = `${calls} calls${by(action)} ran it ${Math.round(perCall)} times each, one of them ${largest} times`;
    return { shape, action, perCall, sentence };
  }
  for (const [name, asked] of Object.entries(shape.actions)) {
    const made = actions[name] ?? 0;
    if (name === "" || made < MIN_OVERLAPPING || asked < MIN_RATIO * made) continue;
    const perCall = asked / made;
    return { shape, action: name, perCall, sentence: `${made} calls${by(name)} ran it ${asked} times` };
  }
  return undefined;
}

const by = (action: string) => (action === "" ? "" : ` of ${action}`);

function patternAdvice(
  { service }: ServiceQueries,
  { shape, action, perCall, sentence }: Pattern,
  whole: number,
): Advice {
  const { collection, kind } = shape.shape;
  const n = Math.round(perCall);
  const where = action === "" ? service : `${service}.${action}`;
  const what =
    kind === "commit"
      ? `Let ${where} make its ${n} writes in one transaction, or by insertMany: each of them waits for the disk now`
      : kind === "get"
        ? `Let ${where} ask ${collection} once, with {_id: {$in: […]}}, instead of ${n} times for one document each`
        : `Let ${where} ask once with $in, instead of ${n} times "${shape.text}"`;
  // A document found in a list costs its part of the reading still.
  const spared = kind === "commit" ? 1 - 1 / perCall : (1 - 1 / perCall) / 2;
  return advice({
    service,
    kind: "n-plus-one",
    what,
    evidence: [
      sentence,
      `${shape.count} runs took ${time(meanTime(shape) * shape.count)} in all, ${time(meanTime(shape))} each`,
    ],
    expectedGain: whole === 0 ? 0 : round((totalTime(shape) / whole) * spared),
    writeCost: 0,
    changes: [],
    shapes: [shape.id],
    actions: action === "" ? actionsOf(service, shape) : [`${service}.${action}`],
  });
}

/** Calls of one service that call another again and again: each of them also travels. */
export function repeatedCalls(facts: ServiceQueries): Advice[] {
  const { service, shapes } = facts;
  const whole = serviceTime(facts);
  return facts.streaks.flatMap(({ action, caller, calls, runs, largest }) => {
    if (calls < MIN_CALLS) return [];
    const n = Math.round(runs / calls);
    const asked = shapes.filter((shape) => (shape.actions[action] ?? 0) > 0);
    const spent = asked.reduce((sum, shape) => sum + (totalTime(shape) * shape.actions[action]!) / shape.count, 0);
    const how = action === "get" ? "get takes up to 100 ids" : "an action that takes a list would do";
    return [
      advice({
        service,
        kind: "n-plus-one",
        what: `Let ${caller || "its caller"} call ${service}.${action} once for all, instead of ${n} times: ${how}`,
        evidence: [
          `${calls} calls${caller === "" ? "" : ` of ${caller}`} called it ${n} times each, one of them ${largest} times`,
          "each call is one more message to wait for, besides its queries",
        ],
        expectedGain: whole === 0 ? 0 : round((spent / whole / 2) * (1 - calls / runs)),
        writeCost: 0,
        changes: [],
        shapes: [`${action}()`],
        actions: [`${service}.${action}`],
      }),
    ];
  });
}

/** Finds that return whatever there is: the more documents there are, the longer they hold everything up. */
export function unboundedFinds(facts: ServiceQueries): Advice[] {
  const whole = serviceTime(facts);
  return facts.shapes.flatMap((shape) => {
    const mean = shape.count === 0 ? 0 : shape.returned / shape.count;
    if (shape.shape.kind !== "find" || shape.shape.limited) return [];
    if (mean < MANY_RETURNED || shape.largest < MOST_RETURNED) return [];
    const share = whole === 0 ? 0 : totalTime(shape) / whole;
    return [
      advice({
        service: facts.service,
        kind: "unbounded-find",
        what: `Give "${shape.text}" a limit, or read it by pages with a cursor`,
        evidence: [
          `${shape.count} runs returned ${Math.round(mean)} documents each, one of them ${shape.largest}`,
          `one run holds its process up for ${time(meanTime(shape))}, not counting what is made of the documents`,
        ],
        expectedGain: round(share * (1 - 100 / mean)),
        writeCost: 0,
        changes: [],
        shapes: [shape.id],
        actions: actionsOf(facts.service, shape),
      }),
    ];
  });
}
