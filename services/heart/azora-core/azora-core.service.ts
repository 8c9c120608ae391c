import { join } from "node:path";
import type { Context, Service, ServiceSchema } from "moleculer";
import { type Clock, systemClock } from "../../../runtime/clock.ts";
import { readSettings } from "../../../runtime/settings.ts";
import { type Change, ChangeLog } from "./change-log.ts";
import { ConfigStore, type Where } from "./config-store.ts";
import { Database } from "./database.ts";
import { type FlagChange, FlagStore } from "./flag-store.ts";
import { evaluate } from "./rollout.ts";
import type { Declaration } from "./value-shape.ts";

interface Core extends Service {
  clock: Clock;
  database?: Database;
  log: ChangeLog;
  config: ConfigStore;
  flags: FlagStore;
  now(): string;
  announce(ctx: Context, change: Change | undefined): Promise<void>;
}

const NAME = { type: "string", min: 1, max: 200, pattern: "^[A-Za-z0-9][A-Za-z0-9._:/-]*$" };
const OPTIONAL_NAME = { ...NAME, optional: true };
const SUBJECT = "string|min:1|max:200";
const WHERE = { environment: OPTIONAL_NAME, organisation: OPTIONAL_NAME };
const VERSION = { type: "number", integer: true, min: 0, optional: true, description: "The version that was read." };
const LIMIT = { type: "number", integer: true, min: 1, max: 1000, convert: true, default: 100 };
const AFTER = { type: "string", max: 200, default: "", description: "The last name of the page before." };
const SUBJECTS = { type: "array", max: 1000, unique: true, items: SUBJECT, optional: true };
const DESCRIPTION = "string|max:1000|optional";

const schema: ServiceSchema<object, object, object, Core> = {
  name: "azora-core",
  metadata: {
    launchPhase: 0,
    priority: "critical",
    capabilities: ["configuration", "feature-flags"],
    description: "Typed configuration and feature flags for all services.",
  },
  settings: { rest: "/" },
  actions: {
    declare: {
      description: "Makes a configuration key known with its type, or changes its declaration.",
      params: {
        key: NAME,
        declaration: { type: "object" },
        default: { type: "any", optional: true },
        description: DESCRIPTION,
        $$strict: true,
      },
      idempotent: true,
      async handler(
        this: Core,
        ctx: Context<{ key: string; declaration: Declaration; default?: unknown; description?: string }>,
      ) {
        const { key, declaration, default: standard, description = "" } = given(ctx.params);
        const change = this.config.declare(key, declaration, standard, description, this.now());
        await this.announce(ctx, change);
        return this.config.get(key);
      },
    },
    get: {
      description: "A configuration value, as it holds for an organisation or an environment.",
      rest: "GET /config/:key",
      params: { key: NAME, ...WHERE, $$strict: true },
      idempotent: true,
      handler(this: Core, ctx: Context<{ key: string } & Where>) {
        const { key, ...where } = given(ctx.params);
        return this.config.get(key, where);
      },
    },
    list: {
      description: "Configuration values by key, in pages.",
      rest: "GET /config",
      params: {
        prefix: { type: "string", max: 200, default: "" },
        ...WHERE,
        limit: LIMIT,
        after: AFTER,
        $$strict: true,
      },
      idempotent: true,
      handler(this: Core, ctx: Context<{ prefix: string; limit: number; after: string } & Where>) {
        const { prefix, limit, after, ...where } = given(ctx.params);
        return this.config.list(prefix, where, limit, after);
      },
    },
    set: {
      description: "Sets a value, or an override for one environment or one organisation.",
      params: { key: NAME, value: "any", ...WHERE, version: VERSION, $$strict: true },
      async handler(this: Core, ctx: Context<{ key: string; value: unknown; version?: number } & Where>) {
        const { key, value, version, ...where } = given(ctx.params);
        await this.announce(ctx, this.config.set(key, value, where, version, this.now()));
        return this.config.get(key, where);
      },
    },
    unset: {
      description: "Takes a value or an override away, so that what is behind it holds again.",
      params: { key: NAME, ...WHERE, version: VERSION, $$strict: true },
      async handler(this: Core, ctx: Context<{ key: string; version?: number } & Where>) {
        const { key, version, ...where } = given(ctx.params);
        await this.announce(ctx, this.config.unset(key, where, version, this.now()));
        return this.config.get(key, where);
      },
    },
    delete: {
      description: "Forgets a key with its declaration, value and overrides.",
      params: { key: NAME, version: VERSION, $$strict: true },
      async handler(this: Core, ctx: Context<{ key: string; version?: number }>) {
        const { key, version } = given(ctx.params);
        const change = this.config.delete(key, version, this.now());
        await this.announce(ctx, change);
        return change;
      },
    },
    getFlag: {
      description: "A feature flag.",
      params: { name: NAME, $$strict: true },
      idempotent: true,
      handler(this: Core, ctx: Context<{ name: string }>) {
        return this.flags.get(ctx.params.name);
      },
    },
    listFlags: {
      description: "Feature flags by name, in pages.",
      params: { limit: LIMIT, after: AFTER, $$strict: true },
      idempotent: true,
      handler(this: Core, ctx: Context<{ limit: number; after: string }>) {
        return this.flags.list(ctx.params.limit, ctx.params.after);
      },
    },
    setFlag: {
      description: "Creates a flag, or changes the given properties of it.",
      params: {
        name: NAME,
        enabled: "boolean|optional",
        percentage: "number|min:0|max:100|optional",
        allow: SUBJECTS,
        deny: SUBJECTS,
        description: DESCRIPTION,
        version: VERSION,
        $$strict: true,
      },
      async handler(this: Core, ctx: Context<{ name: string; version?: number } & FlagChange>) {
        const { name, version, ...change } = given(ctx.params);
        const result = this.flags.set(name, change, version, this.now());
        await this.announce(ctx, result.change);
        return result.flag;
      },
    },
    deleteFlag: {
      description: "Deletes a flag; it is then off for everybody.",
      params: { name: NAME, version: VERSION, $$strict: true },
      async handler(this: Core, ctx: Context<{ name: string; version?: number }>) {
        const { name, version } = given(ctx.params);
        const change = this.flags.delete(name, version, this.now());
        await this.announce(ctx, change);
        return change;
      },
    },
    evaluate: {
      description: "Whether a subject has a feature, and why.",
      rest: "GET /flags/:name/evaluate",
      params: { name: NAME, subject: `${SUBJECT}|optional`, $$strict: true },
      idempotent: true,
      handler(this: Core, ctx: Context<{ name: string; subject?: string }>) {
        const { name, subject } = given(ctx.params);
        return evaluate(this.flags.find(name), subject);
      },
    },
    changesSince: {
      description: "The changes after a revision, for a watcher that was away.",
      rest: "GET /config-changes",
      params: { revision: "number|integer|min:0|convert", limit: LIMIT, $$strict: true },
      idempotent: true,
      handler(this: Core, ctx: Context<{ revision: number; limit: number }>) {
        return this.log.since(ctx.params.revision, ctx.params.limit);
      },
    },
    health: {
      description: "Whether the database answers.",
      params: { $$strict: true },
      idempotent: true,
      handler(this: Core) {
        try {
          return { status: "healthy", checks: { database: { status: "healthy", revision: this.log.revision } } };
        } catch (error) {
          return { status: "unhealthy", checks: { database: { status: "unhealthy", why: (error as Error).message } } };
        }
      },
    },
  } as ServiceSchema<object, object, object, Core>["actions"],
  methods: {
    now(this: Core) {
      return new Date(this.clock.now()).toISOString();
    },

    /** A remedy of the node's host: opens the database anew. */
    reconnect(this: Core) {
      return this.database!.reopen();
    },

    /** Tells everybody what changed, not its value: notices may overtake each other, a read never lies. */
    async announce(this: Core, ctx: Context, change: Change | undefined) {
      if (change) await ctx.broadcast(`core.${change.kind}.changed`, change);
    },
  },
  created(this: Core) {
    this.clock = systemClock;
  },
  async started(this: Core) {
    this.database = new Database(join(readSettings().AZORA_DATA_DIR, "db", "azora-core.sqlite"));
    this.log = new ChangeLog(this.database);
    this.config = new ConfigStore(this.database, this.log);
    this.flags = new FlagStore(this.database, this.log);
  },
  async stopped(this: Core) {
    this.database?.close();
  },
};

export default schema;

/** The validator lets `null` pass for what is optional; here it means the same as leaving it out. */
function given<T extends object>(params: T): T {
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== null)) as T;
}
