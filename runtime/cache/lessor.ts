import type { Clock } from "../clock.ts";
import { merge, type Targets } from "./targets.ts";

/** How long a node may give out what it keeps after it has last heard from each of the others, ms. */
export const LEASE_MS = 8000;
/** Patience with one message to another node, ms. */
const MESSAGE_MS = 2000;
const LEAST_PATIENCE_MS = 200;
const RETRY_MS = 100;
/** How long an invalidation may wait for a node before that node's lease is no longer prolonged, ms. */
const OVERDUE_MS = 1000;

/** What a node says of its debt. Messages overtake each other: of two the one with the higher number was said later. */
export interface Debt {
  /** It owes Redis an invalidation. */
  owes: boolean;
  said: number;
}

export type InvalidateMessage = Targets & Debt;

export interface LessorOptions {
  clock: Clock;
  /** Resolves when the node has done it. */
  send(node: string, message: InvalidateMessage, timeout: number): Promise<unknown>;
  /** What this node says of its debt now. */
  debt(): Debt;
  warn?: ((message: string) => void) | undefined;
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
 * Gives other nodes leases to give out what they keep, and tells them what is invalid: each one until it has said that it
 * is done, or its lease has run out, or it is gone.
 */
export class Lessor {
  readonly #options: LessorOptions;
  readonly #clock: Clock;
  readonly #granted = new Map<string, Granted>();
  /** Invalidations of this node so far. */
  #issued = 0;
  #isClosed = false;

  constructor(options: LessorOptions) {
    this.#options = options;
    this.#clock = options.clock;
  }

  /** Nodes that have a lease now. */
  get holders(): string[] {
    const now = this.#clock.now();
    return [...this.#granted].filter(([, { until }]) => until > now).map(([node]) => node);
  }

  /**
   * Another node asks for a lease.
   * @returns how many invalidations were made without it; null: no lease now, since it owes an acknowledgement
   */
  grant(node: string): number | null {
    const granted = this.#partner(node);
    const now = this.#clock.now();
    if (granted.waiting.length > 0 && now > granted.overdueAt) return null;
    granted.until = now + LEASE_MS;
    return granted.missed;
  }

  /** Who is gone gives out nothing; who is only cut off counts its leases itself. */
  keepOnly(nodes: ReadonlySet<string>): void {
    for (const [node, { waiting }] of this.#granted) {
      if (nodes.has(node)) continue;
      this.#granted.delete(node);
      for (const { done } of waiting.splice(0)) done(true);
    }
  }

  /** An invalidation begins. Those who are first heard of after it have not been told. */
  issue(): void {
    this.#issued++;
  }

  close(): void {
    this.#isClosed = true;
    for (const { waiting } of this.#granted.values()) for (const { done } of waiting.splice(0)) done(true);
  }

  /** @returns whether the node has said that it is done, or is gone */
  tell(node: string, targets: Targets): Promise<boolean> {
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
      const message = { ...merge(batch.map((one) => one.targets)), ...this.#options.debt() };
      // Not much beyond the moment at which its lease runs out.
      const patience = Math.min(MESSAGE_MS, Math.max(granted.until - now(), LEAST_PATIENCE_MS));
      const isTold = await this.#within(patience, this.#options.send(node, message, MESSAGE_MS));
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
}
