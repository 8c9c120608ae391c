import { availableParallelism } from "node:os";
import type { ServiceBroker } from "moleculer";
import type { ActionFigures } from "../measurements/action-table.ts";
import type { Measurements } from "../measurements/measurements.ts";
import { MINUTE, MINUTES_KEPT, SECOND, type ServiceSeries } from "../measurements/service-series.ts";
import { WINDOW_MS } from "../measurements/windows.ts";
import type { ActionFacts, AdviceFacts, NodeFacts, PoolFacts, ServiceFacts } from "./service-facts.ts";

const MINUTE_MS = 60_000;

interface Declared {
  idempotent: boolean;
  cached: boolean;
  worker: boolean;
}

/** What services say of themselves and of their actions. */
export interface Declarations {
  actions: ReadonlyMap<string, Declared>;
  singletons: ReadonlySet<string>;
}

export interface FactsSources {
  measurements: Measurements;
  /** Monotonic, and ms since the epoch. */
  now: number;
  wall: number;
  declarations: Declarations;
  /** Delay of a node's event loop, ms; undefined where it is not known. */
  loopDelayOf(node: string): number | undefined;
  adviceFor(service: string): AdviceFacts[];
}

/** Services whose figures are gathered without a pause: the event loop has others to serve. */
const AT_ONCE = 8;

export function* inTurns(services: readonly string[]): Generator<string[]> {
  for (let from = 0; from < services.length; from += AT_ONCE) yield services.slice(from, from + AT_ONCE);
}

/** Everything that the analysis of these services looks at. */
export function factsOf(services: readonly string[], sources: FactsSources): ServiceFacts[] {
  const { measurements, now, wall, declarations, loopDelayOf, adviceFor } = sources;
  const actions = Map.groupBy(measurements.actions.figures(), ({ service }) => service);
  const pools = measurements.pools();
  const nodes = new Map(measurements.nodes.figures().map((node) => [node.node, node]));
  const cores = availableParallelism();
  return services.flatMap((service) => {
    const series = measurements.services.get(service);
    if (!series) return [];
    const over = (column: keyof typeof SECOND) => series.seconds.sum(now, SECOND[column], WINDOW_MS);
    const carriers = [...series.nodes.keys()];
    const facts: ServiceFacts = {
      service,
      at: Math.floor(wall / MINUTE_MS) * MINUTE_MS,
      organ: carriers[0]?.replace(/-\d+(@.*)?$/, "") ?? null,
      isSingleton: declarations.singletons.has(service),
      sums: {
        served: over("served"),
        servedSum: over("servedSum"),
        queueSum: over("queueSum"),
        querySum: over("querySum"),
        gcSum: over("gcSum"),
        waits: measurements.waits.of(service),
      },
      calls: Math.max(over("calls"), over("served")),
      minutes: minutesOf(series, now),
      actions: actionFacts(actions.get(service) ?? [], declarations),
      nodes: carriers.flatMap((node): NodeFacts[] => {
        const known = nodes.get(node);
        return known ? [{ node, cpu: known.cpu, gcShare: known.gcShare, loopDelay: loopDelayOf(node) ?? null }] : [];
      }),
      pools: pools
        .filter((pool) => pool.service === service && pool.kind !== "memory" && pool.kind !== "concurrency")
        .map(({ name, node, size, max, uses, waitSum }): PoolFacts => {
          return { name, node, size, max, uses, wait: uses === 0 ? 0 : waitSum / uses / 1000 };
        }),
      advice: adviceFor(service),
      cores,
    };
    return [facts];
  });
}

export function declarationsOf(broker: ServiceBroker): Declarations {
  const actions = new Map<string, Declared>();
  const listed = broker.registry.actions.list({ skipInternal: true, withEndpoints: false }) as {
    name: string;
    action?: { idempotent?: boolean; cache?: unknown; metadata?: { worker?: unknown } };
  }[];
  for (const { name, action } of listed) {
    const { idempotent, cache, metadata } = action ?? {};
    actions.set(name, { idempotent: idempotent === true, cached: Boolean(cache), worker: Boolean(metadata?.worker) });
  }
  const services = broker.registry.services.list({}) as { fullName: string; metadata?: { singleton?: boolean } }[];
  const singletons = services.filter(({ metadata }) => metadata?.singleton).map(({ fullName }) => fullName);
  return { actions, singletons: new Set(singletons) };
}

function minutesOf({ minutes }: ServiceSeries, now: number): ServiceFacts["minutes"] {
  const column = (name: keyof typeof MINUTE) => minutes.column(now, MINUTE[name], MINUTES_KEPT);
  return { calls: column("calls"), logMean: column("logMean"), p95: column("p95") };
}

/** All nodes together. */
function actionFacts(figures: readonly ActionFigures[], { actions }: Declarations): ActionFacts[] {
  return [...Map.groupBy(figures, ({ action }) => action)].map(([action, nodes]) => {
    const sum = (of: (one: ActionFigures) => number) => nodes.reduce((all, one) => all + of(one), 0);
    const served = sum((one) => one.served);
    const { idempotent = false, cached = false, worker = false } = actions.get(action) ?? {};
    const limits = nodes.flatMap(({ limit }) => (limit === null ? [] : [limit]));
    return {
      action,
      calls: served,
      mean: served === 0 ? 0 : sum((one) => one.servedSum) / served / 1000,
      queue: served === 0 ? 0 : sum((one) => one.queueSum) / served / 1000,
      refused: sum((one) => one.refused),
      limit: limits.length === 0 ? null : limits.reduce((all, limit) => all + limit, 0),
      running: sum((one) => one.running),
      idempotent,
      cached,
      worker,
    };
  });
}
