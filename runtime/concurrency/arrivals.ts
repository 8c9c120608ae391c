/** Stamps are tenths of a millisecond, modulo 2^32 (five days): a number that packs into five bytes. */
const PER_MS = 10;
/** By how much two clocks may drift apart: tenths of a millisecond in a second. */
const DRIFT = 1;
/** Time between two looks at a sender's clock, ms. */
const REVIEW_MS = 5000;

interface Sender {
  /** Least difference of the clocks that was seen: what the way itself takes. */
  base: number;
  at: number;
  /** Least difference since the last look. */
  least: number;
}

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
    let known = this.#senders.get(sender);
    if (!known) {
      known = { base: difference, at: now, least: difference };
      this.#senders.set(sender, known);
    }
    if (difference < known.base) known.base = difference;
    if (difference < known.least) known.least = difference;
    const span = now - known.at;
    if (span >= REVIEW_MS) this.#review(known, span, now);
    return (difference - known.base) / PER_MS;
  }

  /** A sender that is gone begins anew. */
  forget(sender: string): void {
    this.#senders.delete(sender);
  }

  /** What was never faster for a while may be the clocks' drift. */
  #review(known: Sender, span: number, now: number): void {
    known.base = Math.min(known.least, known.base + Math.ceil((DRIFT * span) / 1000));
    known.least = 0x7fffffff;
    known.at = now;
  }

  /** The receiver had nothing to do, so nothing can have waited here: the way itself has become longer. */
  rebase(): void {
    for (const known of this.#senders.values())
      if (known.least !== 0x7fffffff) known.base = Math.max(known.base, known.least);
  }
}
