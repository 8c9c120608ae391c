import type { ActionSchema, Context, ServiceBroker } from "moleculer";
import type { QueryTimes } from "../../models/performance.ts";
import type { IndexWish } from "../../models/query-facts.ts";
import { AzoraError } from "../errors.ts";
import { type QuerySource, querySources } from "./query-sources.ts";

/** Longest time that building an index may keep writers waiting, where nobody says another one, ms. */
export const MAX_BLOCK = 2000;

/** Store queries of each service of the node since this was asked last. */
export function queryTimes(broker: ServiceBroker): QueryTimes[] {
  const times: QueryTimes[] = [];
  for (const source of querySources(broker).values()) {
    const each = source.times();
    if (each.count > 0) times.push(each);
  }
  return times;
}

const service = { type: "string", min: 1, max: 200 } as const;
const name = { type: "string", min: 1, max: 200 } as const;
const wish = {
  collection: { type: "string", min: 1, max: 40 },
  fields: { type: "array", items: { type: "string", min: 1, max: 200 }, min: 1, max: 8, unique: true },
  living: { type: "boolean", default: true },
} as const;
const maxBlock = { type: "number", integer: true, min: 50, max: 4500, default: MAX_BLOCK } as const;
const shapes = { type: "array", items: { type: "string", length: 12 }, max: 200, default: () => [] };

/** The node's part in measuring queries and in carrying advice out, for the service `node-performance`. */
export function queryActions(broker: ServiceBroker): Record<string, ActionSchema> {
  function sourceOf(service: string): QuerySource {
    const source = querySources(broker).get(service);
    if (source) return source;
    const known = [...querySources(broker).keys()];
    throw new AzoraError("SERVICE_UNKNOWN", `Node ${broker.nodeID} has no store of a service ${service}`, {
      errors: [{ field: "service", value: service, allowed: `must be one of ${known.join(", ") || "(none)"}` }],
    });
  }
  type Of<P> = Context<{ service: string } & P>;

  const actions = {
    /** Measured shapes, indexes and collections. */
    queries: {
      idempotent: true,
      params: { $$strict: true, service: { ...service, optional: true } },
      async handler(ctx: Context<{ service?: string }>) {
        const { service } = ctx.params;
        const wanted = service === undefined ? [...querySources(broker).values()] : [sourceOf(service)];
        const facts = [];
        for (const source of wanted) facts.push({ ...(await source.facts()), node: broker.nodeID });
        return facts;
      },
    },

    /** Timed runs of some shapes: little enough to be asked every second. */
    queryRuns: {
      idempotent: true,
      params: { $$strict: true, service, shapes },
      handler(ctx: Of<{ shapes: string[] }>) {
        return sourceOf(ctx.params.service).runs(ctx.params.shapes);
      },
    },

    /** Plans of all shapes, as they would be with other indexes and forms. */
    explainQueries: {
      idempotent: true,
      params: {
        $$strict: true,
        service,
        add: { type: "array", items: { type: "object", strict: true, props: wish }, max: 50, default: () => [] },
        drop: { type: "array", items: name, max: 50, default: () => [] },
        rewrite: shapes,
      },
      handler(ctx: Of<{ add: IndexWish[]; drop: string[]; rewrite: string[] }>) {
        const { service, add, drop, rewrite } = ctx.params;
        return sourceOf(service).whatIf(add, drop, rewrite);
      },
    },

    /** What a sample of the documents says of an index that is not there. */
    queryStatistics: {
      idempotent: true,
      timeout: 30_000,
      params: { $$strict: true, service, ...wish },
      handler(ctx: Of<IndexWish>) {
        const { service, ...wished } = ctx.params;
        return sourceOf(service).statistics(wished);
      },
    },

    createIndex: {
      timeout: 60_000,
      params: { $$strict: true, service, ...wish, maxBlock },
      handler(ctx: Of<IndexWish & { maxBlock: number }>) {
        const { service, maxBlock, ...wished } = ctx.params;
        return sourceOf(service).createIndex(wished, { maxBlock });
      },
    },

    /** By its name, or the one that was made of a wish. */
    dropIndex: {
      params: {
        $$strict: true,
        service,
        name: { ...name, optional: true },
        wish: { type: "object", strict: true, props: wish, optional: true },
      },
      handler(ctx: Of<{ name?: string; wish?: IndexWish }>) {
        const { service, name, wish } = ctx.params;
        const index = name ?? wish;
        if (index === undefined || (name !== undefined && wish !== undefined)) {
          throw new AzoraError("VALIDATION_ERROR", "name or wish must be given, and not both", {
            errors: [{ field: "name", value: name, allowed: "must be given, or wish instead" }],
          });
        }
        return sourceOf(service).dropIndex(index);
      },
    },

    restoreIndex: {
      timeout: 60_000,
      params: { $$strict: true, service, name, maxBlock },
      handler(ctx: Of<{ name: string; maxBlock: number }>) {
        const { service, name, maxBlock } = ctx.params;
        return sourceOf(service).restoreIndex(name, { maxBlock });
      },
    },

    useRewrite: {
      params: { $$strict: true, service, shape: { type: "string", length: 12 }, on: "boolean" },
      async handler(ctx: Of<{ shape: string; on: boolean }>) {
        const { service, shape, on } = ctx.params;
        await sourceOf(service).useRewrite(shape, on);
        return { shape, on };
      },
    },
  };
  return actions as unknown as Record<string, ActionSchema>;
}
