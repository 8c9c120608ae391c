import type { FieldStatistics, PlanFacts, ServiceQueries, ShapeFacts } from "../../../../models/query-facts.ts";
import type { Candidate } from "./candidates.ts";
import { examinedPerRun, meanTime, returnedPerRun, serviceTime, writesOf } from "./facts.ts";
import { decidesAll } from "./index-wishes.ts";

export interface Gain {
  /** Time that the shapes take now and would take, µs of all recent runs. */
  before: number;
  after: number;
  /** What all recent writes would have taken longer, µs. */
  writes: number;
  /** Documents that one run would look at, of the shape that takes most time. */
  examinedAfter: number;
  /** Of the service's time in queries. */
  share: number;
}

/** A look-up itself, in documents gone through. */
const LOOK_UP = 10;
/** Least time of a run, µs. */
const LEAST = 5;

/** What a candidate would be worth, by what was measured and what a sample says. */
export function gainOf(
  facts: ServiceQueries,
  { wishes, shapes }: Candidate,
  statistics: readonly FieldStatistics[],
  plans: Record<string, PlanFacts>,
): Gain {
  let [before, after, most, examinedAfter] = [0, 0, -1, 0];
  for (const shape of shapes) {
    const now = examinedPerRun(shape);
    const then = Math.min(now, examinedThen(shape, plans[shape.id], wishes, statistics));
    const mean = meanTime(shape);
    before += mean * shape.recent;
    after += Math.max(LEAST, (mean * (then + LOOK_UP)) / (now + LOOK_UP)) * shape.recent;
    if (mean * shape.recent <= most) continue;
    most = mean * shape.recent;
    examinedAfter = then;
  }
  const writes = wishes.reduce(
    (sum, { collection }, i) => sum + writesOf(facts, collection) * statistics[i]!.writeCost,
    0,
  );
  const whole = serviceTime(facts);
  return {
    before,
    after,
    writes,
    examinedAfter,
    share: whole === 0 ? 0 : Math.max(0, (before - after - writes) / whole),
  };
}

/**
 * Documents that a run would look at. Those that share the values of the fields that must be equal; of them only those
 * that are returned, where the index decides everything and gives the order.
 */
function examinedThen(
  { shape, ...measured }: ShapeFacts,
  plan: PlanFacts | undefined,
  wishes: Candidate["wishes"],
  statistics: readonly FieldStatistics[],
): number {
  const returned = returnedPerRun(measured as ShapeFacts);
  const [wish] = wishes;
  if (wishes.length !== 1 || !wish || shape.where.some((each) => each.op !== "field" || each.test === "ne")) {
    return decidesAll(shape, wishes) || wishes.length === 0 ? returned : Number.POSITIVE_INFINITY;
  }
  const { selectivity, documents } = statistics[0]!;
  const fields = shape.where.filter((each) => each.op === "field");
  const testOf = (path: string) => fields.find((each) => each.path === path && each.indexable)?.test;
  const exact = wish.fields.findIndex((path) => !["eq", "null", "in"].includes(testOf(path) ?? ""));
  const equal = exact < 0 ? wish.fields.length : exact;
  const alike = equal === 0 ? documents : selectivity[equal - 1]! * documents;
  const rest = fields.filter(({ path }) => !wish.fields.slice(0, equal).includes(path));
  const isDecided = rest.every(({ path, test }) => test === "range" && path === wish.fields[equal]);
  return isDecided && !plan?.sorts ? returned : Math.max(returned, alike);
}

/** Whether a plan made with a candidate's indexes does what they are for. */
export function isServed(
  shape: ShapeFacts,
  plan: PlanFacts | undefined,
  known: ReadonlySet<string>,
  isNew: boolean,
): boolean {
  if (!plan) return false;
  const usesNew = plan.indexes.some((name) => !known.has(name));
  if (isNew) return usesNew && (plan.access === "index" || !plan.sorts);
  return plan.access === "index" && shape.plan?.access !== "index";
}
