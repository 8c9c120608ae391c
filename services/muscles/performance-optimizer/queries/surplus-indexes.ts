import type { IndexFacts, PlanFacts, ServiceQueries, ShapeFacts } from "../../../../models/query-facts.ts";
import { type Advice, advice } from "./advice.ts";
import { round, serviceTime, writesOf } from "./facts.ts";

/** How long an index must have been of no use, ms. */
export const UNUSED_FOR = 24 * 3_600_000;
/** Queries of the collection in that time; a service that nobody asks proves nothing. */
const MIN_QUERIES = 1000;
/** What one index costs a write where no sample was taken, µs. */
export const WRITE_COST = 15;

/** Indexes whose fields begin another index that can take their place. A unique one has another purpose. */
export function redundantIndexes({ indexes }: ServiceQueries): { index: IndexFacts; by: IndexFacts }[] {
  return indexes.flatMap((index) => {
    if (index.unique) return [];
    const by = indexes.find((other) => other !== index && replaces(other, index, indexes));
    return by ? [{ index, by }] : [];
  });
}

function replaces(other: IndexFacts, index: IndexFacts, all: readonly IndexFacts[]): boolean {
  if (other.collection !== index.collection || (other.living && !index.living)) return false;
  // A unique index also leaves out documents that lack a field only where a look-up is for a value, so it is left alone.
  if (other.unique) return false;
  if (!index.fields.every((field, i) => other.fields[i] === field)) return false;
  const isSame = other.fields.length === index.fields.length && other.living === index.living;
  return !isSame || all.indexOf(other) < all.indexOf(index);
}

/** No query looks at more than before, by the plans without the index. */
export function isSpared(shapes: readonly ShapeFacts[], without: Record<string, PlanFacts>, name: string): boolean {
  return shapes.every(({ id, plan }) => {
    if (!plan?.indexes.includes(name)) return true;
    const then = without[id];
    return then !== undefined && then.access === plan.access && then.sorts <= plan.sorts;
  });
}

export function redundantAdvice(facts: ServiceQueries, index: IndexFacts, by: IndexFacts): Advice {
  return dropAdvice(facts, "redundant-index", index, [
    `${by.name} begins with the same fields (${by.fields.join(", ")}) and serves whatever ${index.name} serves`,
    `${index.uses} measured queries use ${index.name}; without it SQLite plans them as quickly`,
  ]);
}

/** Indexes that no measured query has used for long, while the collection was asked often. */
export function unusedAdvice(facts: ServiceQueries, unusedFor = UNUSED_FOR): Advice[] {
  const observed = facts.at - facts.since;
  // Queries that were not told apart may have used any of them.
  if (observed < unusedFor || facts.others.count > 0) return [];
  return facts.indexes.flatMap((index) => {
    const asked = facts.shapes.filter(({ shape, plan }) => shape.collection === index.collection && plan !== null);
    const queries = asked.reduce((sum, { count }) => sum + count, 0);
    if (index.unique || index.uses > 0 || queries < MIN_QUERIES) return [];
    const hours = Math.floor(observed / 3_600_000);
    return [
      dropAdvice(facts, "unused-index", index, [
        `none of ${queries} queries of ${index.collection} has used ${index.name} in ${hours} hours`,
      ]),
    ];
  });
}

function dropAdvice(
  facts: ServiceQueries,
  kind: "redundant-index" | "unused-index",
  index: IndexFacts,
  evidence: string[],
): Advice {
  const { service } = facts;
  const { name, collection, fields, living, origin } = index;
  const writes = writesOf(facts, collection);
  const whole = serviceTime(facts);
  const remove = origin === "model" ? ", and remove it from the model" : "";
  return advice({
    service,
    kind,
    what: `Drop the index ${name} of ${collection} (${fields.join(", ")})${remove}`,
    evidence: [
      ...evidence,
      `${writes} writes were measured lately, and each keeps it up to date (about ${WRITE_COST} µs)`,
    ],
    expectedGain: whole === 0 ? 0 : round(Math.min(1, (writes * WRITE_COST) / whole)),
    writeCost: -WRITE_COST,
    changes: [{ do: "drop", name, wish: { collection, fields, living }, origin }],
    shapes: facts.shapes.flatMap(({ id, plan }) => (plan?.indexes.includes(name) ? [id] : [])),
    actions: [],
  });
}
