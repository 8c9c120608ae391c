import type { ActionSchema, Context, Service, ServiceSchema } from "moleculer";
import DbService from "moleculer-db";
import type { Model } from "../../models/model.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { nodePool } from "../../runtime/pools/node-pools.ts";
import { QueryMeter } from "../../runtime/queries/query-meter.ts";
import { provideQueries, withdrawQueries } from "../../runtime/queries/query-sources.ts";
import { storeActions } from "./actions.ts";
import { Collection } from "./collection.ts";
import { compileModel } from "./compiled-model.ts";
import { DatabaseFile } from "./database-file.ts";
import { checkMigrations, type Migration, prepareFile } from "./migrations.ts";
import { readQuery } from "./params.ts";
import { scopeActions } from "./queries/action-scope.ts";
import { StoreQueries } from "./queries/store-queries.ts";
import type { Sort } from "./sort.ts";
import { SqliteAdapter } from "./sqlite-adapter.ts";
import { isDamaged } from "./sqlite-errors.ts";
import { setAside, storePath } from "./store-path.ts";
import { type Snapshot, type Synchronous, type Transaction, Transactions } from "./transaction.ts";

export interface StoreOptions {
  /** Further collections in the same file, so that a transaction may span them. @default none */
  collections?: readonly Model[];
  /** @default none */
  migrations?: readonly Migration[];
  /** Path of the main collection's routes, such as `/users`. @default no routes */
  rest?: string;
  /** Documents on a page when the caller does not say. @default 10 */
  pageSize?: number;
  /** @default 100 */
  maxPageSize?: number;
  /** Most documents that `find` returns and `insert` takes. @default 1000 */
  maxLimit?: number;
  /** The service can do without what is stored: a damaged file is set aside, and an empty one begun. @default false */
  expendable?: boolean;
  /** @default the system's */
  clock?: Clock;
}

interface SanitizedParams {
  id?: string;
  query?: unknown;
  sort?: Sort;
  limit?: number;
  fields?: string[];
  withDeleted?: boolean;
}

/** What the store adds to `this`. */
export interface StoreMethods {
  /** A declared collection; each of its calls is a transaction of its own. */
  collection<D extends object>(model: Model<D>): Collection<D>;
  /** Runs a synchronous function as one transaction over all collections of the service: all of it, or nothing. */
  transaction<R>(work: (tx: Transaction) => R): Promise<Synchronous<R>>;
  /** Same for reading: everything is read from one unchanging state. */
  snapshot<R>(work: (tx: Snapshot) => R): Promise<Synchronous<R>>;
  /** Opens the file anew and closes the old connection. Nothing under way is lost. */
  reconnectStore(): Promise<{ before: string; after: string }>;
}

/** Methods that moleculer-db brings, as far as the store's actions use them. */
interface DbMethods {
  sanitizeParams(ctx: Context, params: unknown): SanitizedParams;
  transformDocuments(ctx: Context, params: object, documents: unknown): Promise<unknown>;
  beforeEntityChange<P>(type: string, params: P, ctx: Context): Promise<P>;
  entityChanged(type: string, document: unknown, ctx: Context, raw?: unknown): Promise<void>;
  _find(ctx: Context, params: unknown): Promise<unknown>;
  _count(ctx: Context, params: unknown): Promise<number>;
  _get(ctx: Context, params: unknown): Promise<unknown>;
  _create(ctx: Context, params: unknown): Promise<unknown>;
  _insert(ctx: Context, params: unknown): Promise<unknown>;
  _update(ctx: Context, params: unknown): Promise<unknown>;
  _remove(ctx: Context, params: unknown): Promise<unknown>;
}

/** `this` in a service with the store. */
export type StoreService = Service & StoreMethods & DbMethods;

/** Moleculer's type of an action knows nothing of `rest`, `idempotent` and `description`. */
interface StoreAction extends Omit<ActionSchema, "handler"> {
  description?: string;
  rest?: string | string[];
  idempotent?: boolean;
  handler?(this: StoreService, ctx: Context<never>): unknown;
}

/** A service with the store, with `this` typed in its actions and methods. */
export interface StoreSchema extends Omit<ServiceSchema, "actions" | "methods" | "settings"> {
  settings?: { rest?: string; [name: string]: unknown };
  actions?: Record<string, StoreAction> & ThisType<StoreService>;
  methods?: Record<string, (...args: never[]) => unknown> & ThisType<StoreService>;
}

type StoreInternals = StoreService & {
  adapter: unknown;
  $file?: DatabaseFile | undefined;
  $transactions?: Transactions | undefined;
  $measuredActions?: string[];
  $meter?: QueryMeter | undefined;
  $queries?: StoreQueries | undefined;
  opened(): Transactions;
};

/** Documents of a model in an SQLite file of the service, with moleculer-db's actions. */
export function store<T extends object>(model: Model<T>, options: StoreOptions = {}): Partial<ServiceSchema> {
  const { clock = systemClock, migrations = [], maxPageSize = 100, maxLimit = 1000 } = options;
  const models: Model[] = [model, ...(options.collections ?? [])];
  for (const each of models) compileModel(each);
  checkMigrations(migrations);
  const pageSize = Math.min(options.pageSize ?? 10, maxPageSize);

  // moleculer-db's `started` tries a failed connection for ever: a bad migration or a full disk would look like a slow
  // start. Its `created` would take one adapter for all instances of the schema.
  const { created: _created, started: _started, stopped: _stopped, ...base } = DbService as unknown as ServiceSchema;

  const schema = {
    settings: { ...base.settings, pageSize, maxPageSize, maxLimit },
    actions: storeActions(model, { pageSize, maxPageSize, maxLimit }, options.rest),
    methods: {
      ...base.methods,

      collection(this: StoreInternals, wanted: Model) {
        return new Collection(wanted, this.opened());
      },

      transaction(this: StoreInternals, work: (tx: Transaction) => unknown) {
        return this.opened().write(work);
      },

      snapshot(this: StoreInternals, work: (tx: Snapshot) => unknown) {
        return this.opened().read(work);
      },

      async reconnectStore(this: StoreInternals) {
        const file = this.$file;
        const transactions = this.opened();
        const before = file!.state;
        await file!.reopen();
        await prepareFile(file!, models, migrations, (work) => transactions.inside(work), clock.now);
        return { before, after: file!.state };
      },

      opened(this: StoreInternals) {
        if (!this.$transactions)
          throw new Error(`${this.fullName} has no open store: it is not started, or has stopped`);
        return this.$transactions;
      },

      /** `null` is what the validator lets pass as "not given". A query that is not JSON is the caller's mistake. */
      sanitizeParams(this: StoreInternals, ctx: Context, params: Record<string, unknown>) {
        const given = Object.fromEntries(Object.entries(params).filter(([, value]) => value !== null));
        return base.methods!["sanitizeParams"]!.call(this, ctx, { ...given, query: readQuery(given["query"]) });
      },

      async _remove(this: StoreInternals, ctx: Context, params: { id: string; version?: number | null }) {
        const { id, version } = await this.beforeEntityChange("remove", params, ctx);
        const removed = await this.collection(model).remove(id, version ? { version } : {});
        await this.entityChanged("removed", removed, ctx, removed);
        return removed;
      },

      /** The store's own actions are not cached; a service that caches actions of its own wants them cleaned. */
      async clearCache(this: StoreInternals) {
        if (this.broker.cacher) await base.methods!["clearCache"]!.call(this);
      },
    },

    merged(this: StoreInternals, merged: ServiceSchema) {
      this.$measuredActions = scopeActions(merged);
    },

    created(this: StoreInternals) {
      this.adapter = new SqliteAdapter(() => this.collection(model));
    },

    async started(this: StoreInternals) {
      const path = storePath(this.fullName);
      const open = async () => {
        const file = await DatabaseFile.open(path, clock, nodePool(this.broker, "database"));
        const transactions = new Transactions(file, models, clock);
        try {
          await prepareFile(file, models, migrations, (work) => transactions.inside(work), clock.now);
        } catch (error) {
          file.close();
          throw error;
        }
        // From here on: what prepares a file is nobody's query.
        this.$meter = new QueryMeter({ service: this.fullName, actions: this.$measuredActions ?? [], clock });
        file.measure(this.$meter);
        this.$file = file;
        this.$transactions = transactions;
        this.$queries = new StoreQueries(file, models, this.$meter, clock);
        await this.$queries.resume();
        provideQueries(this.broker, this.$queries);
      };
      try {
        await open();
      } catch (error) {
        if (!options.expendable || !isDamaged(error)) throw error;
        this.logger.error(
          `${(error as Error).message} It is set aside as ${setAside(path)}, and an empty one is begun.`,
        );
        await open();
      }
    },

    stopped(this: StoreInternals) {
      if (this.$queries) withdrawQueries(this.broker, this.$queries);
      this.$transactions = undefined;
      this.$file?.close();
    },
  };
  return schema as unknown as Partial<ServiceSchema>;
}
