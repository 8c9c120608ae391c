/** Stamps are tenths of a millisecond, modulo 2^32 (five days): a number that packs into five bytes. */
const PER_MS = 10;
/** By how much two clocks may drift apart: tenths of a millisecond in a second. */
const DRIFT = 1;
/** Time between two looks at a sender's clock, ms. */
const REVIEW_MS = 5000;

interface Sender {
  /** Least difference of the clocks that was seen: what the way itself takes. Modulo 2^32, as the stamps are. */
  base: number;
  at: number;
  /** By how much the least difference since the last look was above it. */
  least: number;
}

const NONE = Number.POSITIVE_INFINITY;

/**
 * How long calls from other nodes have waited in buffers before they are handled. Each carries the time at which it was
 * sent, by its sender's own clock; of the difference to the receiver's clock the least one stands for the way itself, and
 * what is above it was waiting. So no two clocks need agree, and none may jump: they are monotonic.
 */
export class Arrivals {
  readonly #now: () => number;
  readonly #senders = new Map<string, Sender>();
  /** Of the call that is being handed over, ms; 0 at any other time. */
  delay = 0;

  /** @param now ms, monotonic */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  stamp(): number {
    return (this.#now() * PER_MS) >>> 0;
  }

  /** @returns how long the call has waited, ms */
  waited(sender: string, stamp: number): number {
    const now = this.#now();
    const difference = (((now * PER_MS) >>> 0) - stamp) | 0;
    const known = this.#senders.get(sender);
    if (!known) {
      this.#senders.set(sender, { base: difference, at: now, least: 0 });
      return 0;
    }
    // The difference of two numbers modulo 2^32 that are near each other, wherever they wrap around.
    let waited = (difference - known.base) | 0;
    if (waited < 0) {
      known.base = difference;
      waited = 0;
    }
    if (waited < known.least) known.least = waited;
    if (now - known.at >= REVIEW_MS) this.#review(known, now);
    return waited / PER_MS;
  }

  /** A sender that is gone begins anew. */
  forget(sender: string): void {
    this.#senders.delete(sender);
  }

  /** What was never faster for a while may be the clocks' drift. */
  #review(known: Sender, now: number): void {
    const drift = Math.ceil((DRIFT * (now - known.at)) / 1000);
    known.base = (known.base + Math.min(known.least, drift)) | 0;
    known.least = NONE;
    known.at = now;
  }

  /** The receiver had nothing to do, so nothing can have waited here: the way itself has become longer. */
  rebase(): void {
    for (const known of this.#senders.values()) {
      if (known.least === NONE) continue;
      known.base = (known.base + known.least) | 0;
      known.least = 0;
    }
  }
}
