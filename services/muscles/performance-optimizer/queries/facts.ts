import type { CallStreak, IndexFacts, ServiceQueries, ShapeFacts } from "../../../../models/query-facts.ts";

/** What the nodes tell of one service, as one. Counts are added; plans and indexes are those of the first that has them. */
export function mergeFacts(reports: readonly ServiceQueries[]): ServiceQueries | undefined {
  const [first, ...others] = reports;
  if (!first) return undefined;
  const shapes = new Map(first.shapes.map((shape) => [shape.id, shape]));
  const indexes = new Map(first.indexes.map((index) => [index.name, index]));
  const actions = { ...first.actions };
  const streaks = new Map(first.streaks.map((each) => [each.action, each]));
  const merged = { ...first, others: { ...first.others } };
  for (const other of others) {
    merged.since = Math.min(merged.since, other.since);
    merged.others.count += other.others.count;
    merged.others.sum += other.others.sum;
    add(actions, other.actions);
    for (const each of other.streaks) streaks.set(each.action, mergeStreak(streaks.get(each.action), each));
    for (const shape of other.shapes) shapes.set(shape.id, mergeShape(shapes.get(shape.id), shape));
    for (const index of other.indexes) indexes.set(index.name, mergeIndex(indexes.get(index.name), index));
  }
  return {
    ...merged,
    actions,
    streaks: [...streaks.values()],
    shapes: [...shapes.values()],
    indexes: [...indexes.values()],
  };
}

function mergeShape(one: ShapeFacts | undefined, other: ShapeFacts): ShapeFacts {
  if (!one) return other;
  const actions = { ...one.actions };
  add(actions, other.actions);
  const buckets = new Map<number, number>();
  for (const list of [one.buckets, other.buckets]) {
    for (let i = 0; i < list.length; i += 2) buckets.set(list[i]!, (buckets.get(list[i]!) ?? 0) + list[i + 1]!);
  }
  return {
    ...one,
    count: one.count + other.count,
    timed: one.timed + other.timed,
    sum: one.sum + other.sum,
    recent: one.recent + other.recent,
    buckets: [...buckets].sort(([a], [b]) => a - b).flat(),
    returned: one.returned + other.returned,
    largest: Math.max(one.largest, other.largest),
    sampled: {
      runs: one.sampled.runs + other.sampled.runs,
      examined: one.sampled.examined + other.sampled.examined,
      returned: one.sampled.returned + other.sampled.returned,
    },
    actions,
    repeats: {
      calls: one.repeats.calls + other.repeats.calls,
      runs: one.repeats.runs + other.repeats.runs,
      largest: Math.max(one.repeats.largest, other.repeats.largest),
      action: one.repeats.action || other.repeats.action,
    },
    plan: one.plan ?? other.plan,
  };
}

const mergeStreak = (one: CallStreak | undefined, other: CallStreak): CallStreak =>
  one
    ? {
        ...one,
        calls: one.calls + other.calls,
        runs: one.runs + other.runs,
        largest: Math.max(one.largest, other.largest),
      }
    : other;

const mergeIndex = (one: IndexFacts | undefined, other: IndexFacts) =>
  one ? { ...one, uses: one.uses + other.uses } : other;

function add(sums: Record<string, number>, more: Record<string, number>): void {
  for (const [name, count] of Object.entries(more)) sums[name] = (sums[name] ?? 0) + count;
}

/** Of one run, µs. Where every run was one of those that count documents, it is not known. */
export const meanTime = ({ sum, timed }: ShapeFacts) => (timed === 0 ? 0 : sum / timed);

/** Time of the recent runs, µs. */
export const totalTime = (shape: ShapeFacts) => meanTime(shape) * shape.recent;

export const serviceTime = ({ shapes, others }: ServiceQueries) =>
  shapes.reduce((sum, shape) => sum + totalTime(shape), 0) + othersRecently({ shapes, others });

/** What was not told apart, as far as it is as recent as the rest. */
function othersRecently({ shapes, others }: Pick<ServiceQueries, "shapes" | "others">): number {
  const [recent, all] = [
    shapes.reduce((sum, each) => sum + each.recent, 0),
    shapes.reduce((sum, each) => sum + each.count, 0),
  ];
  return all === 0 ? others.sum : (others.sum * recent) / all;
}

export const examinedPerRun = ({ sampled }: ShapeFacts) => (sampled.runs === 0 ? 0 : sampled.examined / sampled.runs);
export const returnedPerRun = ({ sampled }: ShapeFacts) => (sampled.runs === 0 ? 0 : sampled.returned / sampled.runs);

/** Shapes that write a collection. */
export const writersOf = ({ shapes }: ServiceQueries, collection: string) =>
  shapes.filter(({ shape }) => shape.collection === collection && ["insert", "update", "erase"].includes(shape.kind));

/** Recent writes of a collection. */
export const writesOf = (facts: ServiceQueries, collection: string) =>
  writersOf(facts, collection).reduce((sum, { recent }) => sum + recent, 0);

/** Full names of the actions that asked a shape. */
export const actionsOf = (service: string, shape: ShapeFacts) =>
  Object.keys(shape.actions).flatMap((name) => (name === "" ? [] : [`${service}.${name}`]));

export const round = (value: number) => Math.round(value * 1000) / 1000;

/** As `1.2 ms`. */
export function time(us: number): string {
  if (us < 1000) return `${Math.round(us)} µs`;
  return us < 1e6 ? `${(us / 1000).toFixed(us < 1e4 ? 1 : 0)} ms` : `${(us / 1e6).toFixed(1)} s`;
}
