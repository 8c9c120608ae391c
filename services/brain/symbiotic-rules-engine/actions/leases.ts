import type { LendingState } from "../../../../models/lending.ts";
import type { Topology } from "../../../../models/topology.ts";
import type { Held } from "./held.ts";
import { type Lender, RENEW_MS } from "./lender.ts";

export interface LeasesOptions {
  lender: Lender;
  /** All that is held now. */
  held(): Held[];
  /** Who is there, as far as is known. */
  topology(): Topology | undefined;
}

/** What each node that was told has made of it. */
export type Told = ReadonlyMap<string, LendingState | Error>;

/** Has nodes told what they are lent: one word after the other, for an older one must not arrive behind a newer one. */
export class Leases {
  readonly #options: LeasesOptions;
  #telling: Promise<unknown> = Promise.resolve();
  /** The next word, which has not begun: what comes meanwhile is in it. */
  #next: Promise<Told> | undefined;
  #renewedAt = Number.NEGATIVE_INFINITY;
  #hadSome = false;

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  /** Tells what is held when the word begins. */
  tell(): Promise<Told> {
    const { lender, held, topology } = this.#options;
    this.#hadSome ||= held().length > 0;
    if (this.#next) return this.#next;
    const told = this.#telling.then(async (): Promise<Told> => {
      this.#next = undefined;
      const known = topology();
      return known ? lender.tell(held(), known) : new Map();
    });
    this.#next = told;
    this.#telling = told.catch(() => {});
    return told;
  }

  /** Tells it again when it is time, or at once where something has `changed`; and a last time that nothing is held. */
  tick(now: number, changed: boolean): void {
    if (!changed && now - this.#renewedAt < RENEW_MS) return;
    this.#renewedAt = now;
    const hasSome = this.#options.held().length > 0;
    if (!hasSome && !this.#hadSome) return;
    this.#hadSome = hasSome;
    void this.tell();
  }
}
