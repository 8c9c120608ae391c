import type { Clock } from "../clock.ts";
import { AzoraError } from "../errors.ts";
import type { Assurance } from "./answers.ts";
import { merge, type Targets } from "./targets.ts";

/** How long a node may give out what it keeps after it has last heard from each of the others, ms. */
export const LEASE_MS = 8000;
export const RENEW_MS = 2000;
/** Patience with one message to another node, ms. */
const MESSAGE_MS = 2000;
/** How long an invalidation may wait for a node before that node's lease is no longer prolonged, ms. */
const OVERDUE_MS = 1000;
const LEAST_PATIENCE_MS = 200;
const RETRY_MS = 100;
/** Longest that a caller waits for leases to be renewed before it loads for itself, ms. */
const SOON_MS = 100;

export interface LeaseAnswer {
  /** How many invalidations were made without the asking node. Null: no lease now, since it owes an acknowledgement. */
  missed: number | null;
  /** The answering node owes Redis an invalidation. */
  owes: boolean;
}

export interface InvalidateMessage extends Targets {
  owes: boolean;
}

/** The way to the other nodes whose cache is of this kind. */
export interface Peers {
  list(): readonly string[];
  /** Whether this node is on the bus at all. */
  isConnected(): boolean;
  lease(node: string): Promise<LeaseAnswer>;
  invalidate(node: string, message: InvalidateMessage, timeout: number): Promise<unknown>;
}

export interface CoherenceOptions {
  clock: Clock;
  peers: Peers;
  /** Forgets what it is about, and sees to it that no load that has begun is kept. */
  apply(targets: Targets): void;
  /** Forgets everything. */
  clear(): void;
  far?: { readonly owes: boolean; invalidate(targets: Targets): Promise<boolean>; oweEverything(): void } | undefined;
  warn?: (message: string) => void;
}

/** What this node has from another: until when, and how many invalidations of that node it has not been told of. */
interface Held {
  until: number;
  missed: number;
}
/** What this node has given to another. */
interface Granted {
  until: number;
  missed: number;
  waiting: Waiting[];
  isTelling: boolean;
  overdueAt: number;
}
interface Waiting {
  targets: Targets;
  done(isTold: boolean): void;
}

/**
 * Sees to it that no node gives out what another one has invalidated, by leases (Gray and Cheriton, "Leases: an efficient
 * fault-tolerant mechanism for distributed file cache consistency", SOSP 1989). A node gives out what it keeps only while it
 * has a lease from each other node, counted from the moment at which it asked for it. Who invalidates waits until each
 * node has said that it is done, or its lease has run out. A node that comes back is told how much it has missed, and
 * then forgets everything.
 */
export class Coherence implements Assurance {
  readonly #options: CoherenceOptions;
  readonly #clock: Clock;
  readonly #held = new Map<string, Held>();
  readonly #granted = new Map<string, Granted>();
  /** Nodes that owe Redis an invalidation. */
  readonly #owing = new Set<string>();
  /** Invalidations of this node so far. */
  #issued = 0;
  #until = Number.POSITIVE_INFINITY;
  #renewing: Promise<void> | undefined;
  /** A renewal failed: callers need not wait for the next one. */
  #isFailing = false;
  #usedAt = Number.NEGATIVE_INFINITY;
  #cancelRenewal: (() => void) | undefined;
  #isClosed = false;

  constructor(options: CoherenceOptions) {
    this.#options = options;
    this.#clock = options.clock;
  }

  holds(now: number): boolean {
    this.#usedAt = now;
    return now < this.#until;
  }

  /** Whether some node owes Redis an invalidation, as far as is known here. */
  get othersOwe(): boolean {
    return this.#owing.size > 0;
  }

  /** For who wants to see: how many other nodes there are. */
  get peers(): number {
    return this.#options.peers.list().length;
  }

  /** Nodes whose lease is missing. */
  get lapsed(): string[] {
    const now = this.#clock.now();
    return this.#options.peers.list().filter((node) => (this.#held.get(node)?.until ?? 0) <= now);
  }

  soon(): Promise<void> {
    // It is tried again every now and then anyhow.
    if (this.#isFailing && this.#cancelRenewal) return Promise.resolve();
    const renewal = this.#renew();
    return new Promise((resolve) => {
      const cancel = this.#clock.after(SOON_MS, resolve);
      void renewal.then(() => {
        cancel();
        resolve();
      });
    });
  }

  /** The nodes that are there have changed, or the way to them. */
  peersChanged(): void {
    const nodes = new Set(this.#options.peers.list());
    for (const node of this.#held.keys()) if (!nodes.has(node)) this.#held.delete(node);
    for (const node of [...this.#owing]) {
      if (nodes.has(node)) continue;
      this.#owing.delete(node);
      this.#options.far?.oweEverything();
    }
    for (const [node, granted] of this.#granted) {
      if (nodes.has(node)) continue;
      // Who is gone gives out nothing, and a partner that is only cut off counts its leases itself.
      this.#granted.delete(node);
      for (const { done } of granted.waiting.splice(0)) done(true);
    }
    this.#isFailing = false;
    this.#judge();
  }

  /** Another node asks for a lease. */
  grant(node: string): LeaseAnswer {
    const granted = this.#partner(node);
    const now = this.#clock.now();
    const isOverdue = granted.waiting.length > 0 && now > granted.overdueAt;
    if (isOverdue) return { missed: null, owes: this.#options.far?.owes ?? false };
    granted.until = now + LEASE_MS;
    return { missed: granted.missed, owes: this.#options.far?.owes ?? false };
  }

  /** Another node invalidates. When this returns, nothing older is given out here. */
  told(node: string, { owes, ...targets }: InvalidateMessage): void {
    this.#noteOwing(node, owes);
    this.#options.apply(targets);
  }

  /**
   * Resolves when no node gives out anything older any more.
   * @throws AzoraError NOT_WITHIN_TIME where that cannot be known, since this node is cut off from the bus
   */
  async invalidate(wanted: Targets): Promise<void> {
    const { apply, far, peers } = this.#options;
    const targets = merge([wanted]);
    apply(targets);
    if (far) {
      await far.invalidate(targets);
      // Somebody may have read the old value from there meanwhile.
      apply(targets);
    }
    this.#issued++;
    const nodes = new Set(peers.list());
    const now = this.#clock.now();
    for (const [node, { until }] of this.#granted) if (until > now) nodes.add(node);
    const told = await Promise.all([...nodes].map((node) => this.#tell(node, targets)));
    if (told.every((isTold) => isTold) || peers.isConnected()) return;
    const cut = [...nodes].filter((_, i) => !told[i]);
    throw new AzoraError(
      "NOT_WITHIN_TIME",
      `The invalidation did not reach ${cut.join(", ")}: this node is cut off from the bus; it is done here`,
      { nodes: cut },
    );
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelRenewal?.();
    for (const { waiting } of this.#granted.values()) for (const { done } of waiting.splice(0)) done(true);
  }

  /** @returns whether the node has said that it is done, or is gone */
  #tell(node: string, targets: Targets): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(true);
    const granted = this.#partner(node);
    if (granted.waiting.length === 0) granted.overdueAt = this.#clock.now() + OVERDUE_MS;
    return new Promise((done) => {
      granted.waiting.push({ targets, done });
      if (!granted.isTelling) void this.#tellAll(node, granted);
    });
  }

  /** One message at a time to each node: those that come meanwhile are sent together. */
  async #tellAll(node: string, granted: Granted): Promise<void> {
    granted.isTelling = true;
    const now = () => this.#clock.now();
    // Who has no lease is waited for a little: it may never have heard of this node.
    const least = now() + MESSAGE_MS;
    while (granted.waiting.length > 0 && !this.#isClosed) {
      const batch = granted.waiting.slice();
      const message = { ...merge(batch.map((one) => one.targets)), owes: this.#options.far?.owes ?? false };
      // Not much beyond the moment at which its lease runs out.
      const patience = Math.min(MESSAGE_MS, Math.max(granted.until - now(), LEAST_PATIENCE_MS));
      const isTold = await this.#within(patience, this.#options.peers.invalidate(node, message, MESSAGE_MS));
      if (isTold) this.#done(granted, batch, true);
      else if (now() >= Math.max(granted.until, least)) {
        granted.missed += batch.length;
        this.#options.warn?.(
          `${node} did not acknowledge an invalidation; its cache stays unused until it has forgotten`,
        );
        this.#done(granted, batch, false);
      } else if (granted.waiting.length > 0) {
        const pause = Promise.withResolvers<void>();
        this.#clock.after(RETRY_MS, pause.resolve);
        await pause.promise;
      }
    }
    granted.isTelling = false;
  }

  /** Whether it came to a good end in time. */
  #within(ms: number, work: Promise<unknown>): Promise<boolean> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(ms, () => resolve(false));
      const end = (isGood: boolean) => {
        cancel();
        resolve(isGood);
      };
      work.then(
        () => end(true),
        () => end(false),
      );
    });
  }

  #done(granted: Granted, batch: Waiting[], isTold: boolean): void {
    const rest = granted.waiting.filter((one) => !batch.includes(one));
    granted.waiting.splice(0, Number.POSITIVE_INFINITY, ...rest);
    granted.overdueAt = this.#clock.now() + OVERDUE_MS;
    for (const { done } of batch) done(isTold);
  }

  #partner(node: string): Granted {
    let granted = this.#granted.get(node);
    if (!granted) {
      granted = { until: 0, missed: this.#issued, waiting: [], isTelling: false, overdueAt: 0 };
      this.#granted.set(node, granted);
    }
    return granted;
  }

  #renew(): Promise<void> {
    this.#renewing ??= this.#renewAll().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #renewAll(): Promise<void> {
    const { peers } = this.#options;
    this.#cancelRenewal?.();
    this.#cancelRenewal = undefined;
    const outcomes = await Promise.all(peers.list().map((node) => this.#renewOne(node)));
    this.#isFailing = outcomes.includes(false);
    this.#judge();
    if (this.#isClosed || this.#clock.now() - this.#usedAt > LEASE_MS) return;
    this.#cancelRenewal = this.#clock.after(RENEW_MS, () => void this.#renew());
  }

  async #renewOne(node: string): Promise<boolean> {
    const asked = this.#clock.now();
    const answer = await this.#options.peers.lease(node).catch(() => undefined);
    if (!answer || answer.missed === null) return false;
    this.#noteOwing(node, answer.owes);
    const before = this.#held.get(node);
    if (answer.missed !== (before?.missed ?? 0)) this.#options.clear();
    this.#held.set(node, { until: asked + LEASE_MS, missed: answer.missed });
    return true;
  }

  #judge(): void {
    const { peers } = this.#options;
    const nodes = peers.list();
    if (!peers.isConnected() && nodes.length > 0) this.#until = 0;
    else this.#until = nodes.reduce((least, node) => Math.min(least, this.#held.get(node)?.until ?? 0), Infinity);
  }

  #noteOwing(node: string, owes: boolean): void {
    if (owes) this.#owing.add(node);
    else this.#owing.delete(node);
  }
}
