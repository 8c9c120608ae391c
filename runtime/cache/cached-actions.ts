import type { Context } from "moleculer";
import type { Answers } from "./answers.ts";
import { keyOf } from "./cache-key.ts";
import { ActionStats } from "./cache-stats.ts";
import { type CacheDeclaration, type CachePolicy, type Defaults, readDeclaration } from "./declaration.ts";
import type { CachedAction } from "./entries.ts";

export type ActionHandler = (ctx: Context) => Promise<unknown>;
export interface ActionDefinition {
  name: string;
  cache?: unknown;
}

export interface CachedActionsOptions {
  answers: Answers;
  defaults: Defaults;
  keygen?: CacheDeclaration["keygen"] | undefined;
  warn(message: string): void;
}

/** The actions of this node whose answers are cached. */
export class CachedActions {
  readonly #options: CachedActionsOptions;
  readonly #stats = new Map<string, ActionStats>();

  constructor(options: CachedActionsOptions) {
    this.#options = options;
  }

  get stats(): IterableIterator<ActionStats> {
    return this.#stats.values();
  }

  /** The handler itself where nothing is cached. @throws AzoraError VALIDATION_ERROR for a declaration that is wrong */
  wrap(handler: ActionHandler, definition: ActionDefinition): ActionHandler {
    const { name } = definition;
    const { answers, defaults, warn } = this.#options;
    const policy = readDeclaration(name, definition.cache, defaults, warn);
    if (!policy) return handler;
    const action: CachedAction = { policy, stats: this.#statsOf(name), load: handler };
    const declared = (typeof definition.cache === "object" ? definition.cache : {}) as CacheDeclaration;
    const { enabled } = policy;
    const keyed = this.#keygen(policy, name, definition, declared);
    return (ctx) => {
      if (enabled !== true && !enabled.call(ctx.service as never, ctx)) return handler(ctx);
      if ((ctx.meta as Record<string, unknown>)["$cache"] === false || ctx.stream) return handler(ctx);
      const key = keyed(ctx);
      return key === undefined || key === null ? handler(ctx) : answers.answer(action, ctx, key);
    };
  }

  #keygen(
    { keygen = this.#options.keygen, keys }: CachePolicy,
    name: string,
    definition: ActionDefinition,
    declared: CacheDeclaration,
  ): (ctx: Context) => string | undefined {
    if (keygen) return (ctx) => keygen.call(this as never, definition, declared, ctx);
    return (ctx) => keyOf(name, keys, ctx);
  }

  #statsOf(name: string): ActionStats {
    let stats = this.#stats.get(name);
    if (!stats) {
      stats = new ActionStats(name);
      this.#stats.set(name, stats);
    }
    return stats;
  }
}
