import type { IndexFacts, IndexWish, ServiceQueries, ShapeFacts } from "../../../../models/query-facts.ts";
import { examinedPerRun, meanTime, returnedPerRun, serviceTime, totalTime } from "./facts.ts";
import { wishesFor, withoutPrefixes } from "./index-wishes.ts";

/** An index, or several that only help together, and the queries that it is for. */
export interface Candidate {
  wishes: IndexWish[];
  shapes: ShapeFacts[];
  /** These are asked in their other form as well. */
  rewrites: ShapeFacts[];
}

/** Fewer documents are gone through as quickly as they are looked up. */
const FEW_DOCUMENTS = 500;
/** Documents looked at for each one returned from which on a query is wasteful. */
const WASTE = 10;
/** Runs whose documents were counted; one could be by chance. */
const MIN_SAMPLES = 2;
/** Of the service's time in queries, or of one run, µs; below both nobody would notice. */
const MIN_SHARE = 0.01;
const MIN_TIME = 1000;

/** Looks at many documents for few. */
export function isWasteful(shape: ShapeFacts, whole: number): boolean {
  const examined = examinedPerRun(shape);
  if (shape.sampled.runs < MIN_SAMPLES || shape.plan === null) return false;
  if (examined < FEW_DOCUMENTS || examined < WASTE * Math.max(1, returnedPerRun(shape))) return false;
  return totalTime(shape) >= MIN_SHARE * whole || meanTime(shape) >= MIN_TIME;
}

/** What might help the wasteful queries of a service; wishes that one index serves are one. */
export function candidates(facts: ServiceQueries): { candidates: Candidate[]; hopeless: ShapeFacts[] } {
  const whole = serviceTime(facts);
  const wasteful = facts.shapes.filter((shape) => isWasteful(shape, whole));
  const rank = popularity(wasteful);
  const wanted: { shape: ShapeFacts; wishes: IndexWish[] }[] = [];
  const hopeless: ShapeFacts[] = [];
  for (const shape of wasteful) {
    const wishes = wishesFor(shape.shape, rank);
    if (wishes.length > 0) wanted.push({ shape, wishes });
    else hopeless.push(shape);
  }
  const merged = withoutPrefixes(wanted.flatMap(({ wishes }) => wishes));
  const groups = new Map<string, Candidate>();
  for (const { shape, wishes } of wanted) {
    const needed = withoutPrefixes(wishes.map((wish) => served(wish, merged)));
    const missing = needed.filter((wish) => !facts.indexes.some((index) => indexServes(index, wish)));
    const rewrites = shape.rewrite === "possible" ? [shape] : [];
    const key = JSON.stringify([missing, rewrites.map(({ id }) => id)]);
    const group = groups.get(key) ?? { wishes: missing, shapes: [], rewrites };
    group.shapes.push(shape);
    groups.set(key, group);
  }
  return { candidates: [...groups.values()], hopeless };
}

/** How many shapes ask for a field. */
function popularity(shapes: readonly ShapeFacts[]): (path: string) => number {
  const counts = new Map<string, number>();
  for (const { shape } of shapes) {
    for (const each of shape.where) {
      if (each.op === "field" && each.indexable) counts.set(each.path, (counts.get(each.path) ?? 0) + 1);
    }
  }
  return (path) => counts.get(path) ?? 0;
}

const served = (wish: IndexWish, by: readonly IndexWish[]) =>
  by.find(
    (each) =>
      each.collection === wish.collection &&
      (!each.living || wish.living) &&
      wish.fields.every((field, i) => each.fields[i] === field),
  ) ?? wish;

export const indexServes = (index: IndexFacts, wish: IndexWish) =>
  index.collection === wish.collection &&
  (!index.living || wish.living) &&
  wish.fields.every((field, i) => index.fields[i] === field);
