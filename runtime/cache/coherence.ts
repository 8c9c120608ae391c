import type { Clock } from "../clock.ts";
import { AzoraError } from "../errors.ts";
import type { Assurance } from "./answers.ts";
import { type Debt, type InvalidateMessage, LEASE_MS, Lessor } from "./lessor.ts";
import { merge, type Targets } from "./targets.ts";

const RENEW_MS = 2000;
/** Longest that a caller waits for leases to be renewed before it loads for itself, ms. */
const SOON_MS = 100;

export interface LeaseAnswer extends Debt {
  /** How many invalidations were made without the asking node. Null: no lease now, since it owes an acknowledgement. */
  missed: number | null;
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
  readonly #lessor: Lessor;
  /** Nodes that owe Redis an invalidation. */
  readonly #owing = new Set<string>();
  /** Number of the last word of each other node about its debt. */
  readonly #heard = new Map<string, number>();
  /** Of this node's own last one: above those of an earlier life of it. */
  #said = Date.now() * 1000;
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
    const { clock, peers, warn } = options;
    const send = (node: string, message: InvalidateMessage, timeout: number) =>
      peers.invalidate(node, message, timeout);
    this.#lessor = new Lessor({ clock, send, debt: () => this.#debt(), warn });
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
    for (const known of [this.#held, this.#heard])
      for (const node of known.keys()) if (!nodes.has(node)) known.delete(node);
    for (const node of [...this.#owing]) {
      if (nodes.has(node)) continue;
      this.#owing.delete(node);
      this.#options.far?.oweEverything();
    }
    this.#lessor.keepOnly(nodes);
    this.#isFailing = false;
    this.#judge();
  }

  /** Another node asks for a lease. */
  grant(node: string): LeaseAnswer {
    return { missed: this.#lessor.grant(node), ...this.#debt() };
  }

  /** Another node invalidates. When this returns, nothing older is given out here. */
  told(node: string, { owes, said, ...targets }: InvalidateMessage): void {
    this.#noteDebt(node, { owes, said });
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
    this.#lessor.issue();
    const nodes = [...new Set([...peers.list(), ...this.#lessor.holders])];
    const told = await Promise.all(nodes.map((node) => this.#lessor.tell(node, targets)));
    if (told.every((isTold) => isTold) || peers.isConnected()) return;
    const cut = nodes.filter((_, i) => !told[i]);
    throw new AzoraError(
      "NOT_WITHIN_TIME",
      `The invalidation did not reach ${cut.join(", ")}: this node is cut off from the bus; it is done here`,
      { nodes: cut },
    );
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelRenewal?.();
    this.#lessor.close();
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
    this.#noteDebt(node, answer);
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

  #debt(): Debt {
    return { owes: this.#options.far?.owes ?? false, said: ++this.#said };
  }

  /** What was said before something that is known already says nothing any more. */
  #noteDebt(node: string, { owes, said }: Debt): void {
    if (said <= (this.#heard.get(node) ?? 0)) return;
    this.#heard.set(node, said);
    if (owes) this.#owing.add(node);
    else this.#owing.delete(node);
  }
}
