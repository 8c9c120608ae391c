import { Cachers, type Context, type Middleware, type Service, type ServiceBroker } from "moleculer";
import type { CacheReport } from "../../models/performance.ts";
import { type Clock, monotonicClock } from "../clock.ts";
import { Answers } from "./answers.ts";
import { keyOf } from "./cache-key.ts";
import { CacheLocks } from "./cache-locks.ts";
import { cacheService, peersOf } from "./cache-service.ts";
import { ActionStats } from "./cache-stats.ts";
import { type ActionDefinition, type ActionHandler, CachedActions } from "./cached-actions.ts";
import { Coherence } from "./coherence.ts";
import { cloneData, copyData } from "./data-copy.ts";
import type { CacheDeclaration } from "./declaration.ts";
import { handmade } from "./entries.ts";
import { FarLevel } from "./far-level.ts";
import { Flights } from "./flights.ts";
import { type GivenTargets, givenTargets } from "./given-targets.ts";
import { type Entry, NearLevel } from "./near-level.ts";
import { EVERYTHING, type Targets } from "./targets.ts";

export interface AzoraCacherOptions {
  /** Age up to which answers are given out where their action does not say, s; 0: no end. @default 30 */
  ttl?: number;
  /** Memory for answers, bytes. @default 67_108_864 */
  maxBytes?: number;
  /** @default 250_000 */
  maxEntries?: number;
  /** Callers in the same process get copies. @default true */
  clone?: boolean | ((value: unknown) => unknown);
  keygen?: CacheDeclaration["keygen"];
  /** Second level. @default none */
  redis?: string;
  /** ms that anybody waits for Redis. @default 100 */
  redisTimeout?: number;
  clock?: Clock;
}

const DEFAULT_BYTES = 64 * 2 ** 20;
const SWEEP_MS = 1000;
/** Under which name what is set by `broker.cacher.set` is told. */
const BY_HAND = "broker.cacher.set";

/**
 * Moleculer's cacher, with two levels: answers in the process, and in Redis for all nodes. What is told of its keys, and
 * of `get`, `set`, `del`, `clean`, `lock` and the `cache` of an action, stands in docs/caching.md.
 */
export class AzoraCacher extends Cachers.Base<object> {
  readonly #options: AzoraCacherOptions;
  readonly #clock: Clock;
  readonly #near: NearLevel;
  readonly #flights: Flights;
  #locks!: CacheLocks;
  readonly #byHand = new ActionStats(BY_HAND);
  #far: FarLevel | undefined;
  #coherence!: Coherence;
  #actions!: CachedActions;
  #cancelSweep = () => {};

  constructor(options: AzoraCacherOptions = {}) {
    super({});
    this.#options = options;
    this.#clock = options.clock ?? monotonicClock;
    const now = () => this.#clock.now();
    this.#near = new NearLevel({ maxBytes: options.maxBytes ?? DEFAULT_BYTES, maxEntries: options.maxEntries, now });
    this.#flights = new Flights(this.#clock);
  }

  override init(broker: ServiceBroker): void {
    super.init(broker);
    const warn = (message: string) => this.logger.warn(message);
    if (this.#options.redis) {
      this.#far = new FarLevel({
        redis: this.#options.redis,
        prefix: `azora:${broker.namespace || "-"}:`,
        clock: this.#clock,
        ...(this.#options.redisTimeout === undefined ? {} : { timeout: this.#options.redisTimeout }),
        logger: this.logger,
        othersOwe: () => this.#coherence.othersOwe,
      });
    }
    this.#coherence = new Coherence({
      clock: this.#clock,
      peers: peersOf(broker),
      apply: (targets) => this.#apply(targets),
      clear: () => this.#apply(EVERYTHING),
      far: this.#far,
      warn,
    });
    const answers = new Answers({
      clock: this.#clock,
      near: this.#near,
      flights: this.#flights,
      far: this.#far,
      assurance: this.#coherence,
      nodeID: broker.nodeID,
      warn,
    });
    const { ttl = 30, clone, keygen } = this.#options;
    this.#actions = new CachedActions({ answers, defaults: { ttl, clone }, keygen, warn });
    this.#locks = new CacheLocks(this.#clock, this.#far);
    // Without Redis the first level goes on.
    this.connected = true;
    const peersChanged = () => this.#coherence.peersChanged();
    for (const event of ["$services.changed", "$node.disconnected", "$transporter.**"])
      broker.localBus.on(event, peersChanged);
    const sweep = setInterval(() => this.#near.sweep(), SWEEP_MS);
    sweep.unref();
    this.#cancelSweep = () => clearInterval(sweep);
  }

  /** Of ioredis; undefined without a second level. May be replaced by another connection. */
  get client(): FarLevel["client"] | undefined {
    return this.#far?.client;
  }

  adopt(client: FarLevel["client"]): void {
    this.#far?.adopt(client);
  }

  override middleware(): Middleware {
    return {
      name: "Cacher",
      created: (broker: ServiceBroker) => {
        broker.createService(cacheService(broker, this.#coherence, (targets, where) => this.#heard(targets, where)));
      },
      localAction: (handler: ActionHandler, action: ActionDefinition) => this.#actions.wrap(handler, action),
      serviceStopped: (service: Service) => this.#apply({ patterns: [`${service.fullName}.**`] }),
      stopping: () => this.#coherence.close(),
    } as unknown as Middleware;
  }

  override async close(): Promise<void> {
    this.#cancelSweep();
    this.#coherence.close();
    this.#flights.close();
    await this.#far?.close();
  }

  /** Resolves when no node gives out an older answer of these keys, of keys that match these patterns, or with these tags. */
  invalidate(targets: GivenTargets): Promise<void> {
    return this.#coherence.invalidate(givenTargets(targets));
  }

  override async get(key: string): Promise<never> {
    const entry = await this.#find(key);
    return entry?.kind === "value" ? (cloneData(entry.value) as never) : (undefined as never);
  }

  /** @returns `ttl`, s for which it is still kept; null: no end, or nothing is kept */
  override async getWithTTL(key: string): Promise<never> {
    const entry = await this.#find(key);
    if (entry?.kind !== "value") return { data: undefined, ttl: null } as never;
    const left = (entry.until - this.#clock.now()) / 1000;
    return { data: cloneData(entry.value), ttl: Number.isFinite(left) ? left : null } as never;
  }

  /** Keeps a value. Other nodes forget theirs. @param ttl s @default the cacher's */
  override async set(key: string, data: unknown, ttl?: number | null): Promise<never> {
    if (this.#far) await this.#told({ keys: [key] });
    const token = this.#far?.isUsable ? (await this.#far.read(key, 0))?.token : undefined;
    const copy = copyData(data, this.#near.largest);
    if (!copy) {
      this.#byHand.unfit++;
      this.#near.invalidate({ keys: [key] });
      return data as never;
    }
    const { ttl: byDefault = 30, clone = true } = this.#options;
    const flags = { clone, stats: this.#byHand, begun: this.#flights.next() };
    const entry = handmade(key, copy, (ttl ?? byDefault) * 1000, this.#clock.now(), flags);
    this.#near.keep(entry);
    if (token && copy.isJson && data !== undefined) this.#far!.write(entry, token);
    return data as never;
  }

  /** On all nodes. */
  override async del(keys: string | string[]): Promise<never> {
    return (await this.#told(givenTargets({ keys }))) as never;
  }

  /** On all nodes. */
  override async clean(match: string | string[] = "**"): Promise<never> {
    return (await this.#told(givenTargets({ patterns: match }))) as never;
  }

  /** On this node alone, and what is in Redis stays. */
  async forget(): Promise<void> {
    this.#apply(EVERYTHING);
  }

  /** Of the first level. */
  override async getCacheKeys(): Promise<{ key: string; expiresAt: number | null; tags: readonly string[] }[]> {
    const now = this.#clock.now();
    const today = Date.now();
    return Array.from(this.#near.entries(now), ({ key, until, tags }) => ({
      key,
      expiresAt: Number.isFinite(until) ? Math.round(today + until - now) : null,
      tags,
    }));
  }

  /** Waits for its turn. @param ttl ms for which other nodes wait for it. @returns what gives it back */
  override lock(key: string | string[], ttl?: number): Promise<() => Promise<void>> {
    return this.#locks.lock(String(key), ttl);
  }

  /** @throws where somebody holds it */
  override tryLock(key: string | string[], ttl?: number): Promise<() => Promise<void>> {
    return this.#locks.tryLock(String(key), ttl);
  }

  override defaultKeygen(action: never, options: never, ctx: Context): string {
    const { name } = action as unknown as ActionDefinition;
    return keyOf(name, (options as CacheDeclaration | undefined)?.keys, ctx) as string;
  }

  /** Bytes that answers may take from now on. @returns what it was */
  setBudget(maxBytes: number): number {
    const before = this.#near.maxBytes;
    this.#near.setBudget(maxBytes);
    return before;
  }

  /** What has happened since the last time that it was asked. */
  takeReports(): CacheReport[] {
    return [...this.#actions.stats, this.#byHand].map((stats) => stats.take()).filter((report) => report !== null);
  }

  get info() {
    const actions = [...this.#actions.stats, this.#byHand].map((stats) => ({
      ...stats.total,
      unfit: stats.unfit,
      refreshed: stats.refreshed,
    }));
    const { size: entries, bytes, maxBytes, largest } = this.#near;
    const { lapsed, peers } = this.#coherence;
    return {
      entries,
      bytes,
      maxBytes,
      largest,
      loading: this.#flights.size,
      peers,
      lapsed,
      redis: this.#far?.state ?? null,
      actions,
    };
  }

  async #find(key: string): Promise<Entry | undefined> {
    const now = this.#clock.now();
    if (!this.#coherence.holds(now)) await this.#coherence.soon();
    const later = this.#clock.now();
    if (!this.#coherence.holds(later)) return undefined;
    const entry = this.#near.get(key, later);
    if (entry || !this.#far?.isUsable) return entry;
    const hit = (await this.#far.read(key, 0))?.hit;
    return hit && ({ kind: "value", value: hit.value, until: this.#clock.now() + hit.keptFor } as Entry);
  }

  /** For Moleculer's own methods: who calls them expects no error. */
  async #told(targets: Targets): Promise<void> {
    await this.#coherence.invalidate(targets).catch((error: Error) => this.logger.warn(error.message));
  }

  /** Some node says by an event that something has changed. */
  async #heard(targets: Targets, where: "here" | "here and in Redis"): Promise<void> {
    this.#apply(targets);
    if (!this.#far || where === "here") return;
    await this.#far.invalidate(targets);
    this.#apply(targets);
  }

  #apply(targets: Targets): void {
    this.#flights.fence(targets);
    this.#near.invalidate(targets);
  }
}
