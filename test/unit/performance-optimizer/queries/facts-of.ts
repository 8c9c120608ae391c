import type {
  FieldStatistics,
  IndexFacts,
  PlanFacts,
  QueryShape,
  ServiceQueries,
  ShapeCondition,
  ShapeFacts,
} from "../../../../models/query-facts.ts";
import type { Oracle } from "../../../../services/muscles/performance-optimizer/queries/advisor.ts";

export const eq = (path: string): ShapeCondition => ({ op: "field", path, test: "eq", operator: "=", indexable: true });
export const range = (path: string): ShapeCondition => ({
  op: "field",
  path,
  test: "range",
  operator: ">",
  indexable: true,
});
export const ne = (path: string): ShapeCondition => ({
  op: "field",
  path,
  test: "ne",
  operator: "$ne",
  indexable: false,
});
export const inArray = (path: string): ShapeCondition => ({
  op: "field",
  path,
  test: "other",
  operator: "=",
  indexable: false,
});
export const or = (...parts: ShapeCondition[]): ShapeCondition => ({ op: "or", parts });

export const find = (where: ShapeCondition[], rest: Partial<QueryShape> = {}): QueryShape => ({
  collection: "orders",
  kind: "find",
  where,
  sort: [{ path: "_id", descending: false }],
  limited: false,
  living: true,
  ...rest,
});

export const SCAN: PlanFacts = { access: "scan", indexes: [], sorts: false, steps: ["SCAN"] };
export const search = (...indexes: string[]): PlanFacts => ({ access: "index", indexes, sorts: false, steps: [] });

/** A shape whose run looked at `examined` documents for `returned`, in 50 ms. */
export function measured(id: string, shape: QueryShape, rest: Partial<ShapeFacts> = {}): ShapeFacts {
  return {
    id,
    text: id,
    shape,
    recent: rest.count ?? 100,
    count: 100,
    timed: 98,
    sum: 98 * 50_000,
    buckets: [],
    returned: 1000,
    largest: 10,
    sampled: { runs: 2, examined: 200_000, returned: 20 },
    actions: { list: 100 },
    repeats: { calls: 0, runs: 0, largest: 0, action: "" },
    plan: SCAN,
    rewrite: "none",
    ...rest,
  };
}

export const index = (name: string, fields: string[], rest: Partial<IndexFacts> = {}): IndexFacts => ({
  name,
  collection: "orders",
  fields,
  unique: false,
  living: false,
  origin: "model",
  bytes: null,
  uses: 0,
  ...rest,
});

export function service(shapes: ShapeFacts[], rest: Partial<ServiceQueries> = {}): ServiceQueries {
  return {
    service: "shop",
    node: "heart-1",
    engine: "sqlite",
    since: 0,
    at: 3_600_000,
    shapes,
    others: { count: 0, sum: 0 },
    collections: [{ name: "orders", documents: 100_000, fields: [] }],
    indexes: [],
    dropped: [],
    actions: { list: 100 },
    streaks: [],
    ...rest,
  };
}

export const statistics = (rest: Partial<FieldStatistics> = {}): FieldStatistics => ({
  documents: 100_000,
  sampled: 1000,
  documentBytes: 400,
  selectivity: [0.0001, 0.0001, 0.0001, 0.0001],
  entryBytes: { mean: 20, largest: 40 },
  largestField: "a",
  indexBytes: 4_000_000,
  buildMs: 200,
  freeBytes: 1e10,
  writeCost: 15,
  ...rest,
});

/** A database that uses whatever index begins with a field that a shape asks for. */
export function oracle(facts: ServiceQueries, told: FieldStatistics = statistics()): Oracle & { asked: unknown[] } {
  const asked: unknown[] = [];
  return {
    asked,
    async whatIf(add, drop, rewrite) {
      asked.push({ add, drop, rewrite });
      const plans = facts.shapes.flatMap(({ id, shape, plan }) => {
        if (plan === null) return [];
        const paths = shape.where.flatMap((each) => (each.op === "field" ? [each] : each.parts)) as { path: string }[];
        const fits = add.filter(
          ({ fields, collection }) =>
            collection === shape.collection &&
            (paths.some(({ path }) => path === fields[0]) || shape.sort[0]?.path === fields[0]),
        );
        const needsForm = shape.where.some((each) => each.op === "field" && each.test === "ne");
        const names = fits.map(({ fields }) => `advised_${fields.join("_")}`);
        if (names.length > 0 && (!needsForm || rewrite.includes(id))) return [[id, search(...names)] as const];
        if (needsForm && rewrite.includes(id)) return [[id, search("there_already")] as const];
        const left = plan.indexes.filter((name) => !drop.includes(name));
        const other = facts.indexes.find(({ name }) => !drop.includes(name));
        if (left.length < plan.indexes.length) return [[id, other ? search(other.name) : SCAN] as const];
        return [[id, plan] as const];
      });
      return Object.fromEntries(plans);
    },
    statistics: async () => told,
  };
}
