import type { ServiceBroker } from "moleculer";
import type { QueryTimes } from "../../models/performance.ts";
import type {
  FieldStatistics,
  IndexBuilt,
  IndexDropped,
  IndexWish,
  PlanFacts,
  ServiceQueries,
  ShapeRuns,
} from "../../models/query-facts.ts";

export interface IndexLimits {
  /** Longest time that other writers may be kept waiting, ms. */
  maxBlock: number;
}

/** A service's database, as far as measuring and advice go. Each engine has its own behind this. */
export interface QuerySource {
  readonly service: string;
  /** Increments since the last time. */
  times(): QueryTimes;
  facts(): Promise<ServiceQueries>;
  /** Timed runs of some shapes since the beginning. */
  runs(shapes: readonly string[]): Record<string, ShapeRuns>;
  /** How shapes would be carried out with other indexes; by shape id. Changes nothing. */
  whatIf(
    add: readonly IndexWish[],
    drop: readonly string[],
    rewrite: readonly string[],
  ): Promise<Record<string, PlanFacts>>;
  statistics(wish: IndexWish): Promise<FieldStatistics>;
  createIndex(wish: IndexWish, limits: IndexLimits): Promise<IndexBuilt>;
  /**
   * An advised index, or one of the model, which is then not made again when the service starts. By a wish only the
   * advised index that it led to, if there is one.
   */
  dropIndex(index: string | IndexWish): Promise<IndexDropped>;
  /** Makes an index of the model again that was dropped by advice. */
  restoreIndex(name: string, limits: IndexLimits): Promise<IndexBuilt>;
  /** Whether a shape is asked in its other form. */
  useRewrite(shape: string, on: boolean): Promise<void>;
}

/** Services of one node are some hundreds at most. */
const MAX_SOURCES = 1000;

const sources = new WeakMap<ServiceBroker, Map<string, QuerySource>>();

export function provideQueries(broker: ServiceBroker, source: QuerySource): void {
  const known = sources.get(broker) ?? new Map<string, QuerySource>();
  sources.set(broker, known);
  if (known.size < MAX_SOURCES || known.has(source.service)) known.set(source.service, source);
}

/** A newer instance of the service may have taken the place already. */
export function withdrawQueries(broker: ServiceBroker, source: QuerySource): void {
  const known = sources.get(broker);
  if (known?.get(source.service) === source) known.delete(source.service);
}

export function querySources(broker: ServiceBroker): ReadonlyMap<string, QuerySource> {
  return sources.get(broker) ?? new Map();
}
