import { getHeapStatistics } from "node:v8";
import type { ActionSchema, Context, ServiceBroker } from "moleculer";
import type { PoolReport } from "../../models/performance.ts";
import { AzoraError } from "../errors.ts";
import { readSettings, type SettingName, type Settings } from "../settings.ts";
import { Pool, type PoolOptions } from "./pool.ts";

/** Pools of which the node tells, however they are made. */
export interface PoolSource {
  /** Their state; counts and sums of all their life, which never fall. */
  states(): PoolReport[];
  /** Absent: their sizes are not changed from here. @returns the size that it has then; undefined where it is not its own */
  resize?(name: string, size: number): number | undefined;
}

interface NodePools {
  sources: Set<PoolSource>;
  shared: Map<SharedPool, Pool>;
  /** Counts that were reported already, by name. */
  told: Map<string, Counts>;
  /** Most connections to Redis; read when there is one. */
  redis?: number;
}

type Counts = Pick<PoolReport, "uses" | "useSum" | "waitSum" | "refused">;

/** Pools that a node has one of each; made when they are first used. */
export type SharedPool = "database" | "api";

type Shape = Omit<PoolOptions, "name" | "kind" | "max"> & { setting: SettingName };

const SHARED: Record<SharedPool, Shape> = {
  // An operation waits as long for a place as it would for the file's lock.
  database: { setting: "AZORA_DB_MAX_CONNECTIONS", min: 1, maxWaiting: 10_000, maxWait: 5000 },
  // A request that waits costs little, and one that is refused comes again: so many may wait, but not for long.
  api: { setting: "AZORA_API_MAX_CONNECTIONS", min: 1, maxWaiting: 10_000, maxWait: 1000, longAfter: 1000 },
};

/** Of the node's broker and not of a module: a service that is loaded afresh has new copies of its modules. */
const nodes = new WeakMap<ServiceBroker, NodePools>();

function poolsOf(broker: ServiceBroker): NodePools {
  let pools = nodes.get(broker);
  if (!pools) {
    pools = { sources: new Set(), shared: new Map(), told: new Map() };
    nodes.set(broker, pools);
  }
  return pools;
}

/** The node's pool of that kind, with its configured bound. */
export function nodePool(broker: ServiceBroker, kind: SharedPool, settings: Settings = readSettings()): Pool {
  const { shared } = poolsOf(broker);
  let pool = shared.get(kind);
  if (!pool) {
    const { setting, ...shape } = SHARED[kind];
    pool = new Pool({ name: kind, kind, max: settings[setting] as number, ...shape });
    shared.set(kind, pool);
  }
  return pool;
}

/** The node tells of these pools from now on. @returns a function that ends it */
export function registerPool(broker: ServiceBroker, source: PoolSource): () => void {
  const { sources } = poolsOf(broker);
  sources.add(source);
  return () => void sources.delete(source);
}

/** All pools of the node; counts and sums since it began. */
export function poolStates(broker: ServiceBroker): PoolReport[] {
  const { sources, shared } = poolsOf(broker);
  return [
    ...busState(broker),
    ...redisState(broker),
    memoryState(),
    ...[...shared.values()].map((pool) => pool.state()),
    ...[...sources].flatMap((source) => source.states()),
  ];
}

/** All pools of the node; counts and sums since this was last called, so only the node's own report calls it. */
export function poolReports(broker: ServiceBroker): PoolReport[] {
  const { told } = poolsOf(broker);
  const states = poolStates(broker);
  const reports = states.map((state) => {
    const { uses, useSum, waitSum, refused } = state;
    const before = told.get(state.name);
    told.set(state.name, { uses, useSum, waitSum, refused });
    // A pool that was made anew under its old name begins at nothing again.
    if (!before || uses < before.uses || refused < before.refused) return state;
    return {
      ...state,
      uses: uses - before.uses,
      useSum: useSum - before.useSum,
      waitSum: waitSum - before.waitSum,
      refused: refused - before.refused,
    };
  });
  if (told.size > states.length) {
    const living = new Set(states.map(({ name }) => name));
    for (const name of told.keys()) if (!living.has(name)) told.delete(name);
  }
  return reports;
}

/** Changes the size of a pool within its bounds. @throws AzoraError NOT_FOUND, CONFLICT where its size is not changed */
export function resizePool(broker: ServiceBroker, name: string, size: number): { before: number; after: number } {
  const { sources, shared } = poolsOf(broker);
  const states = poolStates(broker);
  const state = states.find((one) => one.name === name);
  if (!state) {
    const known = states.map((one) => one.name);
    throw new AzoraError("NOT_FOUND", `Node ${broker.nodeID} has no pool ${name}; it has ${known.join(", ")}`, {
      known,
    });
  }
  const before = state.size;
  let after = [...shared.values()].find((pool) => pool.name === name)?.resize(size);
  for (const source of sources) after ??= source.resize?.(name, size);
  if (after === undefined) throw new AzoraError("CONFLICT", `The size of ${name} cannot be changed`, { pool: name });
  return { before, after };
}

/** Actions of the service `node-performance`. */
export function poolActions(broker: ServiceBroker): Record<string, ActionSchema> {
  const actions = {
    /** All pools of this node; counts and sums since it began. */
    pools: {
      params: { $$strict: true },
      handler: () => poolStates(broker),
    },
    /** What is in use goes on; the size keeps within the pool's bounds. */
    resizePool: {
      params: {
        $$strict: true,
        name: { type: "string", min: 1, max: 200 },
        size: { type: "number", integer: true, min: 1, max: 1_000_000 },
      },
      handler: (ctx: Context<{ name: string; size: number }>) => resizePool(broker, ctx.params.name, ctx.params.size),
    },
  };
  return actions as unknown as Record<string, ActionSchema>;
}

/** One connection carries everything; what waits are the calls whose answers are still to come. */
function busState(broker: ServiceBroker): PoolReport[] {
  const transit = broker.transit as unknown as { connected: boolean; pendingRequests?: Map<string, unknown> } | null;
  if (!transit) return [];
  const waiting = transit.pendingRequests?.size ?? 0;
  return [{ ...quiet("bus", "bus"), min: 1, max: 1, size: 1, inUse: transit.connected ? 1 : 0, waiting }];
}

/** Commands go one behind the other through one connection, without waiting for each other's answers. */
function redisState(broker: ServiceBroker): PoolReport[] {
  const { client } = (broker.cacher ?? {}) as { client?: { status?: string; commandQueue?: { length: number } } };
  if (client?.status === undefined) return [];
  const pools = poolsOf(broker);
  pools.redis ??= readSettings().AZORA_REDIS_MAX_CONNECTIONS;
  const inUse = client.status === "ready" ? 1 : 0;
  const waiting = client.commandQueue?.length ?? 0;
  return [{ ...quiet("redis", "redis"), min: 1, max: pools.redis, size: 1, inUse, waiting }];
}

function memoryState(): PoolReport {
  const { used_heap_size: inUse, heap_size_limit: size } = getHeapStatistics();
  return { ...quiet("memory", "memory"), min: 0, max: size, size, inUse };
}

function quiet(name: string, kind: PoolReport["kind"]): Omit<PoolReport, "min" | "max" | "size" | "inUse"> {
  return { name, kind, waiting: 0, uses: 0, useSum: 0, waitSum: 0, refused: 0 };
}
