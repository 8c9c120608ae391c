import type {
  FieldStatistics,
  IndexWish,
  PlanFacts,
  ServiceQueries,
  ShapeFacts,
} from "../../../../models/query-facts.ts";
import { type Advice, advice, type Change, wishText } from "./advice.ts";
import { repeatedCalls, repeatedQueries, unboundedFinds } from "./call-patterns.ts";
import { type Candidate, candidates } from "./candidates.ts";
import {
  actionsOf,
  examinedPerRun,
  meanTime,
  returnedPerRun,
  round,
  serviceTime,
  time,
  totalTime,
  writersOf,
} from "./facts.ts";
import { type Gain, gainOf, isServed } from "./gain.ts";
import { isSpared, redundantAdvice, redundantIndexes, unusedAdvice } from "./surplus-indexes.ts";

/** What the advisor asks a database; each engine answers in the same words. */
export interface Oracle {
  /** Plans of all shapes, by id, as they would be. */
  whatIf(
    add: readonly IndexWish[],
    drop: readonly string[],
    rewrite: readonly string[],
  ): Promise<Record<string, PlanFacts>>;
  statistics(wish: IndexWish): Promise<FieldStatistics>;
}

export interface AdvisorOptions {
  /** How long an index must have been of no use before it is advised to drop it, ms. @default 86_400_000, a day */
  unusedFor?: number;
}

/** Share of a query's time that must be spared, and how often its cost for writes. */
const WORTHWHILE = 0.5;
const OVER_WRITES = 2;

/**
 * All advice for one service, best first. An index is advised only when the database itself, asked what it would do with
 * it, says that it would use it; and when that spares more than it costs the writes.
 */
export async function advise(facts: ServiceQueries, oracle: Oracle, options: AdvisorOptions = {}): Promise<Advice[]> {
  const found: Advice[] = [...repeatedQueries(facts), ...repeatedCalls(facts), ...unboundedFinds(facts)];
  const { candidates: wanted, hopeless } = candidates(facts);
  for (const candidate of wanted) {
    const proven = await prove(facts, candidate, oracle);
    if (proven) found.push(proven);
  }
  for (const shape of hopeless) found.push(unindexable(facts, shape));

  const dropped = new Set<string>();
  for (const { index, by } of redundantIndexes(facts)) {
    const without = await oracle.whatIf([], [...dropped, index.name], []);
    if (!isSpared(facts.shapes, without, index.name)) continue;
    dropped.add(index.name);
    found.push(redundantAdvice(facts, index, by));
  }
  found.push(...unusedAdvice(facts, options.unusedFor).filter(({ changes: [change] }) => !isDropOf(change, dropped)));
  return found.sort((a, b) => b.expectedGain - a.expectedGain);
}

const isDropOf = (change: Change | undefined, names: ReadonlySet<string>) =>
  change?.do === "drop" && names.has(change.name);

/** The smallest part of a candidate that the database would use. */
async function prove(facts: ServiceQueries, candidate: Candidate, oracle: Oracle): Promise<Advice | undefined> {
  const known = new Set(facts.indexes.map(({ name }) => name));
  const statistics: FieldStatistics[] = [];
  for (const wish of candidate.wishes) statistics.push(await oracle.statistics(wish));
  const forms: ShapeFacts[][] = candidate.rewrites.length > 0 ? [[], candidate.rewrites] : [[]];
  for (const rewrites of forms) {
    if (candidate.wishes.length === 0 && rewrites.length === 0) continue;
    const ids = rewrites.map(({ id }) => id);
    const plans = await oracle.whatIf(candidate.wishes, [], ids);
    if (harms(facts, candidate, plans, known)) continue;
    const shapes = candidate.shapes.filter((shape) =>
      isServed(shape, plans[shape.id], known, candidate.wishes.length > 0),
    );
    if (shapes.length === 0) continue;
    const proven = { ...candidate, shapes, rewrites };
    const gain = gainOf(facts, proven, statistics, plans);
    const spared = gain.before - gain.after;
    if (spared < WORTHWHILE * gain.before || spared < OVER_WRITES * gain.writes) return undefined;
    return indexAdvice(facts, proven, statistics, gain);
  }
  return undefined;
}

/**
 * The planner knows nothing of how values are spread, and may take a new index for a query that stopped after a few
 * documents without it. A query that would have to sort then, and did not before, is not worth another's gain.
 */
function harms(
  facts: ServiceQueries,
  { shapes }: Candidate,
  plans: Record<string, PlanFacts>,
  known: ReadonlySet<string>,
): boolean {
  return facts.shapes.some((shape) => {
    const then = plans[shape.id];
    if (!then || !shape.plan || shapes.includes(shape)) return false;
    const usesNew = then.indexes.some((name) => !known.has(name));
    return usesNew && then.sorts && !shape.plan.sorts && shape.shape.limited;
  });
}

function indexAdvice(
  facts: ServiceQueries,
  { wishes, shapes, rewrites }: Candidate,
  statistics: readonly FieldStatistics[],
  gain: Gain,
): Advice {
  const { service } = facts;
  const heaviest = shapes.reduce((a, b) => (totalTime(b) > totalTime(a) ? b : a));
  const writeCost = statistics.reduce((sum, each) => sum + each.writeCost, 0);
  const creates = wishes.map((wish): Change => ({ do: "create", wish }));
  const others = rewrites.map(({ id }): Change => ({ do: "rewrite", shape: id }));
  const texts = shapes.map(({ text }) => `"${text}"`).join(", ");
  const indexes = wishes.map(wishText).join(" and ");
  const apart = "its alternatives looked for apart";
  const what =
    wishes.length === 0
      ? `Ask ${texts} with ${apart}, which the indexes serve that there are`
      : `Make an index of ${indexes}${rewrites.length > 0 ? `, and ask with ${apart}` : ""}, for ${texts}`;
  const examined = Math.round(examinedPerRun(heaviest));
  const bytes = statistics.reduce((sum, each) => sum + each.indexBytes, 0);
  return advice({
    service,
    kind: wishes.length > 0 ? "missing-index" : "rewrite",
    what,
    evidence: [
      `${heaviest.count} runs of "${heaviest.text}" took ${time(meanTime(heaviest))} each, ${percent(totalTime(heaviest) / serviceTime(facts))} of the service's time in queries`,
      `one looked at ${examined} documents and returned ${Math.round(returnedPerRun(heaviest))}; about ${Math.round(gain.examinedAfter)} would do`,
      ...(wishes.length > 0
        ? [`it would take about ${(bytes / 2 ** 20).toFixed(1)} MiB, and each write about ${writeCost} µs longer`]
        : []),
    ],
    expectedGain: round(gain.share),
    writeCost,
    changes: [...creates, ...others],
    shapes: shapes.map(({ id }) => id),
    actions: [...new Set(shapes.flatMap((shape) => actionsOf(service, shape)))],
    costs: [
      ...new Set(
        wishes.flatMap(({ collection }) => writersOf(facts, collection)).flatMap((each) => actionsOf(service, each)),
      ),
    ],
  });
}

/** Nothing of it is on a field that an index could be on. */
function unindexable(facts: ServiceQueries, shape: ShapeFacts): Advice {
  const whole = serviceTime(facts);
  const share = whole === 0 ? 0 : totalTime(shape) / whole;
  return advice({
    service: facts.service,
    kind: "unindexable-query",
    what: `Put a condition on an indexed field beside "${shape.text}", or keep what it asks for in a field of its own`,
    evidence: [
      `${shape.count} runs took ${time(meanTime(shape))} each, and one looked at ${Math.round(examinedPerRun(shape))} documents for ${Math.round(returnedPerRun(shape))}`,
      "no index can serve it: it asks about arrays, patterns without a fixed beginning, or fields that are not declared",
    ],
    expectedGain: round(share / 2),
    writeCost: 0,
    changes: [],
    shapes: [shape.id],
    actions: actionsOf(facts.service, shape),
  });
}

const percent = (share: number) => `${Math.round(share * 100)} %`;
