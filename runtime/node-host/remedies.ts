import type { ActionSchema, Context, ServiceBroker } from "moleculer";
import type { ConcurrencyLimits } from "../concurrency/concurrency-limits.ts";
import { AzoraError, ERROR_CODES, type ErrorCode } from "../errors.ts";
import type { Carrier } from "./carrier.ts";
import { CONNECTIONS, type Connection, type Renewal, renewBus, renewCache, renewDatabase } from "./connections.ts";

export interface RemediesOptions {
  broker: ServiceBroker;
  carrier: Carrier;
  fence: (ctx: Context<{ epoch: number }>) => void;
  limits: ConcurrencyLimits;
}

const REACH_TIMEOUT_MS = 1000;

const epoch = { type: "number", integer: true, min: 0 } as const;
const name = { type: "string", min: 1, max: 200 } as const;

/** What a node host can do for a service that runs, without restarting it. Each tells what was seen before and after. */
export function remedies({ broker, carrier, fence, limits }: RemediesOptions): Record<string, ActionSchema> {
  /** One at a time: two renewals of one connection would cut each other off. */
  let last: Promise<unknown> = Promise.resolve();

  function renew(kind: Connection, service: string | undefined): Promise<Renewal> {
    if (kind === "bus") return renewBus(broker);
    if (kind === "cache") return renewCache(broker);
    return renewDatabase(broker, service === undefined ? undefined : carrier.slotOf(service).service);
  }

  /** Goes on with the others where one fails; only what all were seen to do is success. */
  async function renewAll(kinds: Connection[], service: string | undefined) {
    const [before, after]: [string[], string[]] = [[], []];
    const reconnected: Connection[] = [];
    let failure: ErrorCode | undefined;
    for (const kind of kinds) {
      try {
        const seen = await renew(kind, service);
        if ("not" in seen) {
          after.push(`${kind}: not made anew, ${seen.not}`);
          continue;
        }
        reconnected.push(kind);
        before.push(`${kind}: ${seen.before}`);
        after.push(`${kind}: ${seen.after}`);
      } catch (error) {
        const { type, message } = error as { type?: string; message: string };
        failure ??=
          type !== undefined && Object.hasOwn(ERROR_CODES, type) ? (type as ErrorCode) : "SERVICE_UNAVAILABLE";
        after.push(`${kind}: failed, ${message}`);
      }
    }
    if (failure === undefined && reconnected.length === 0) failure = "HEALING_REFUSED";
    if (failure !== undefined) throw new AzoraError(failure, after.join("; "), { what: kinds, reconnected });
    return { before: before.join("; "), after: after.join("; "), reconnected };
  }

  const keysOf = async (service: string): Promise<number> => {
    const keys = (await broker.cacher?.getCacheKeys()) ?? [];
    return keys.filter(({ key }: { key: string }) => key.startsWith(`${service}.`)).length;
  };
  const entries = (count: number) => `${count} entr${count === 1 ? "y" : "ies"} in the cache`;
  const most = (count: number | null) => (count === null ? "no limit" : `at most ${count} at once`);

  const actions = {
    /** Makes connections anew: the node's to the bus and the cache, a service's to its database. */
    reconnect: {
      params: {
        epoch,
        name: { ...name, optional: true },
        what: { type: "array", items: { type: "enum", values: [...CONNECTIONS] }, min: 1, max: 3, unique: true },
      },
      timeout: 0,
      async handler(ctx: Context<{ epoch: number; name?: string; what: Connection[] }>) {
        fence(ctx);
        const { name, what } = ctx.params;
        if (name !== undefined) carrier.slotOf(name);
        const renewal = last.then(() => renewAll(what, name));
        last = renewal.catch(() => {});
        return renewal;
      },
    },

    /** Forgets what was cached of a service's answers; on all nodes, unless the project's own cacher knows of this one alone. */
    clearCache: {
      params: { epoch, name },
      async handler(ctx: Context<{ epoch: number; name: string }>) {
        fence(ctx);
        const { name } = ctx.params;
        if (!broker.cacher) throw new AzoraError("HEALING_REFUSED", `Node ${broker.nodeID} has no cache`);
        const before = await keysOf(name);
        await broker.cacher.clean(`${name}.**`);
        const after = await keysOf(name);
        return { before: entries(before), after: entries(after), cleared: before - after };
      },
    },

    /** How many calls of a service may run at once on this node; null takes the limit away. */
    limit: {
      params: {
        epoch,
        name,
        concurrency: { type: "number", integer: true, min: 1, max: 10_000, nullable: true },
      },
      handler(ctx: Context<{ epoch: number; name: string; concurrency: number | null }>) {
        fence(ctx);
        const { name, concurrency } = ctx.params;
        carrier.slotOf(name);
        const before = limits.set(name, concurrency);
        return { before: most(before), after: most(limits.of(name)) };
      },
    },

    /** Whether another node answers over the bus, as seen from here. Changes nothing, so anybody may ask. */
    reach: {
      params: { node: name },
      async handler(ctx: Context<{ node: string }>) {
        const { node } = ctx.params;
        if (node === broker.nodeID) return { reached: true, ms: 0 };
        const pong = (await broker.ping(node, REACH_TIMEOUT_MS)) as { elapsedTime: number } | null;
        return pong ? { reached: true, ms: pong.elapsedTime } : { reached: false };
      },
    },
  };
  return actions as unknown as Record<string, ActionSchema>;
}
