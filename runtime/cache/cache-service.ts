import type { Context, ServiceBroker, ServiceSchema } from "moleculer";
import type { Coherence, LeaseAnswer, Peers } from "./coherence.ts";
import type { InvalidateMessage } from "./lessor.ts";
import { MAX_NAMES, type Targets } from "./targets.ts";

const LEASE_TIMEOUT_MS = 1000;
const names = {
  type: "array",
  optional: true,
  max: MAX_NAMES,
  items: { type: "string", min: 1, max: 10_000 },
} as const;

/** The nodes whose cache is of this kind: those that carry the service below. */
export function peersOf(broker: ServiceBroker): Peers {
  return {
    list() {
      const found = broker.registry?.getActionEndpoints("$cache.lease") as
        | { endpoints: { id: string; isAvailable: boolean }[] }
        | undefined;
      const others: string[] = [];
      for (const { id, isAvailable } of found?.endpoints ?? [])
        if (isAvailable && id !== broker.nodeID) others.push(id);
      return others;
    },
    isConnected: () => (broker.transit?.tx as { connected?: boolean } | undefined)?.connected ?? true,
    lease: (nodeID) =>
      broker.call("$cache.lease", {}, { nodeID, timeout: LEASE_TIMEOUT_MS, retries: 0 }) as Promise<LeaseAnswer>,
    invalidate: (nodeID, message, timeout) =>
      broker.call("$cache.invalidate", message, { nodeID, timeout, retries: 0 }),
  };
}

/** What nodes ask of each other's cache. Its name begins as those of Moleculer's own services: it belongs to the node. */
export function cacheService(
  broker: ServiceBroker,
  coherence: Coherence,
  apply: (targets: Targets, where: "here" | "here and in Redis") => Promise<void>,
): ServiceSchema {
  return {
    name: "$cache",
    actions: {
      lease: {
        cache: false,
        tracing: false,
        params: { $$strict: true },
        handler: (ctx: Context): LeaseAnswer => coherence.grant(ctx.nodeID!),
      },
      invalidate: {
        cache: false,
        tracing: false,
        params: { keys: names, patterns: names, tags: names, owes: "boolean", said: "number", $$strict: true },
        handler: (ctx: Context<InvalidateMessage>): true => {
          coherence.told(ctx.nodeID!, ctx.params);
          return true;
        },
      },
    },
    events: {
      /** As moleculer-db says it: `cache.clean.posts`. Each node hears it; one tells Redis, if the sender's cache knows it. */
      "cache.clean.**": {
        async handler(ctx: Context) {
          const name = ctx.eventName!.slice("cache.clean.".length);
          const targets = { patterns: [`${name}.**`] };
          const { nodeID } = ctx;
          if (ctx.eventType === "emit") return coherence.invalidate(targets);
          const isOfPeer = nodeID !== broker.nodeID && peersOf(broker).list().includes(nodeID!);
          await apply(targets, isOfPeer ? "here" : "here and in Redis");
        },
      },
    },
  } as unknown as ServiceSchema;
}
