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
      ...read(listParams(limits), async function (ctx) {
        const { page, fields, populate, ...params } = this.sanitizeParams(ctx, ctx.params);
        const asked = (ctx.params as { page?: number }).page === undefined ? {} : { page };
        const cursorless = params.cursor === undefined ? { page } : asked;
        const found = await this.collection(model).page({ ...listing(params), ...cursorless });
        return { ...found, rows: await this.transformDocuments(ctx, { fields, populate }, found.rows) };
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
      ...read(getParams(), async function (ctx) {
        const { id, withDeleted, ...params } = this.sanitizeParams(ctx, ctx.params);
        if (!withDeleted) return this._get(ctx, { id, ...params });
        if (Array.isArray(id)) throw wrong("withDeleted", true, "left out for several ids; use find");
        return this.transformDocuments(ctx, params, await this.collection(model).get(id!, { withDeleted }));
      }),
      ...route("GET", "/:id"),
    },
    create: {
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
      ...write(updateParams(model), function (ctx) {
        return this._update(ctx, ctx.params);
      }),
      ...route("PATCH", "/:id"),
    },
    remove: {
      ...write(removeParams(model), function (ctx) {
        return this._remove(ctx, ctx.params);
      }),
      ...route("DELETE", "/:id"),
    },
    restore: {
      ...write(restoreParams(), async function (ctx) {
        const { id } = ctx.params as { id: string };
        const restored = await this.collection(model).restore(id);
        await this.entityChanged("restored", restored, ctx, restored);
        return restored;
      }),
      ...route("POST", "/:id/restore"),
    },
  };
  return actions as unknown as Record<string, ActionSchema>;
}

function listing({ query, sort, pageSize, cursor, withDeleted }: ReturnType<StoreService["sanitizeParams"]>) {
  return {
    query,
    pageSize: pageSize!,
    ...(sort === undefined ? {} : { sort }),
    ...(cursor === undefined ? {} : { cursor }),
    ...(withDeleted === undefined ? {} : { withDeleted }),
  };
}
