import type { ActionSchema, BrokerOptions, Context, ServiceBroker } from "moleculer";
import type { CacheReport } from "../../models/performance.ts";
import { AzoraError } from "../errors.ts";
import type { Settings } from "../settings.ts";
import { AzoraCacher } from "./cacher.ts";
import { MAX_TAG_LENGTH } from "./declaration.ts";
import { MAX_NAMES } from "./targets.ts";

const MIN_BYTES = 65_536;

/** The cacher of a node's broker, as its settings want it. */
export function nodeCacher(settings: Settings): BrokerOptions["cacher"] {
  const cacher = new AzoraCacher({
    maxBytes: settings.AZORA_CACHE_MAX_BYTES,
    ...(settings.AZORA_REDIS_URL ? { redis: settings.AZORA_REDIS_URL } : {}),
  });
  return cacher as unknown as BrokerOptions["cacher"];
}

/** What the cache of this node did since the last time that it was asked; nothing where the project has a cacher of its own. */
export function cacheReports(broker: ServiceBroker): CacheReport[] {
  return cacherOf(broker)?.takeReports() ?? [];
}

/** Undefined where there is none, or another kind. */
export function cacherOf(broker: ServiceBroker): AzoraCacher | undefined {
  const cacher = broker.cacher as unknown;
  return cacher instanceof AzoraCacher ? cacher : undefined;
}

/** Actions of each node that have to do with its cache. */
export function cacheActions(broker: ServiceBroker): Record<string, ActionSchema> {
  const own = (): AzoraCacher => {
    const cacher = cacherOf(broker);
    if (!cacher)
      throw new AzoraError("NOT_FOUND", `Node ${broker.nodeID} has no cache of Azora's: its project has its own`);
    return cacher;
  };
  return {
    /** Budget, what is kept, the state of Redis, and each action since the node began. */
    cacheInfo: {
      params: { $$strict: true },
      handler: () => own().info,
    },

    /** Resolves when no node gives out an older answer with one of these tags. */
    invalidateTags: {
      params: {
        tags: { type: "array", items: { type: "string", min: 1, max: MAX_TAG_LENGTH }, min: 1, max: MAX_NAMES },
        $$strict: true,
      },
      async handler(ctx: Context<{ tags: string[] }>) {
        await own().invalidate({ tags: ctx.params.tags });
        return { tags: ctx.params.tags };
      },
    },

    /** Memory for cached answers on this node, bytes, until it starts anew. */
    setCacheBudget: {
      params: {
        bytes: { type: "number", integer: true, min: MIN_BYTES, max: 2 ** 40, convert: false },
        $$strict: true,
      },
      handler(ctx: Context<{ bytes: number }>) {
        return { before: own().setBudget(ctx.params.bytes), after: ctx.params.bytes };
      },
    },
  } as unknown as Record<string, ActionSchema>;
}
