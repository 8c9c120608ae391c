import type { ActionSchema, Context } from "moleculer";
import type { Model } from "../../models/model.ts";
import {
  countParams,
  createParams,
  findParams,
  getParams,
  insertParams,
  listParams,
  type PageLimits,
  pageOptions,
  removeParams,
  restoreParams,
  updateParams,
} from "./params.ts";
import { wrong } from "./refusal.ts";
import type { StoreService } from "./store.ts";

export interface ActionLimits extends PageLimits {
  maxLimit: number;
}

type Handler = (this: StoreService, ctx: Context) => unknown;

/**
 * moleculer-db's actions with strict parameters, and `restore`. None is cached: another node's write would not be seen.
 * `rest` is the path of the collection, such as `/users`; without it no action has a route.
 */
export function storeActions<T extends object>(
  model: Model<T>,
  limits: ActionLimits,
  rest?: string,
): Record<string, ActionSchema> {
  const route = (method: string, path = "") => (rest ? { rest: `${method} ${rest}${path}` } : {});
  const read = (params: object, handler: Handler) => ({ idempotent: true, params, handler });
  const write = (params: object, handler: Handler) => ({ params, handler });

  const actions = {
    list: {
      description: "A page of documents, by number or by cursor.",
      ...read(listParams(limits), async function (ctx) {
        const { fields } = this.sanitizeParams(ctx, ctx.params);
        const found = await this.collection(model).page(pageOptions(ctx.params as object));
        return { ...found, rows: await this.transformDocuments(ctx, { fields }, found.rows) };
      }),
      ...route("GET"),
    },
    find: read(findParams(limits.maxLimit), function (ctx) {
      return this._find(ctx, this.sanitizeParams(ctx, ctx.params));
    }),
    count: read(countParams(), function (ctx) {
      return this._count(ctx, this.sanitizeParams(ctx, ctx.params));
    }),
    get: {
      description: "One document by its id, or several.",
      ...read(getParams(), async function (ctx) {
        const { id, withDeleted, ...params } = this.sanitizeParams(ctx, ctx.params);
        if (!withDeleted) return this._get(ctx, { id, ...params });
        if (Array.isArray(id)) throw wrong("withDeleted", true, "left out for several ids; use find");
        return this.transformDocuments(ctx, params, await this.collection(model).get(id!, { withDeleted }));
      }),
      ...route("GET", "/:id"),
    },
    create: {
      description: "Stores a new document.",
      ...write(createParams(model), function (ctx) {
        return this._create(ctx, ctx.params);
      }),
      ...route("POST"),
    },
    insert: write(insertParams(model, limits.maxLimit), function (ctx) {
      const { entity, entities } = ctx.params as { entity?: T; entities?: T[] };
      if (!entity === !entities) throw wrong("entities", entities, "given, or entity instead");
      return this._insert(ctx, ctx.params);
    }),
    update: {
      description: "Sets the given fields of a document; null removes an optional one.",
      ...write(updateParams(model), function (ctx) {
        return this._update(ctx, ctx.params);
      }),
      ...route("PATCH", "/:id"),
    },
    remove: {
      description: "Marks a document as deleted; it can be restored.",
      ...write(removeParams(model), function (ctx) {
        return this._remove(ctx, ctx.params);
      }),
      ...route("DELETE", "/:id"),
    },
    restore: {
      description: "Brings a deleted document back.",
      ...write(restoreParams(), async function (ctx) {
        const { id } = ctx.params as { id: string };
        const { restored, wasDeleted } = await this.transaction((tx) => {
          const documents = tx.collection(model);
          const wasDeleted = documents.get(id, { withDeleted: true }).deletedAt !== null;
          return { wasDeleted, restored: documents.restore(id) };
        });
        if (wasDeleted) await this.entityChanged("restored", restored, ctx, restored);
        return restored;
      }),
      ...route("POST", "/:id/restore"),
    },
  };
  return actions as unknown as Record<string, ActionSchema>;
}
