/**
 * The time at which a call began and ended, taken once for all who ask in the same moment: reading the clock is the dearest
 * part of measuring a call.
 */
export class CallStamp {
  readonly now: () => number;
  #begun: object | undefined;
  #start = 0;
  #ended: object | undefined;
  #end = 0;

  /** @param now monotonic, ms. @default performance.now */
  constructor(now: () => number = () => performance.now()) {
    this.now = now;
  }

  /** A call meets the first who measures it. */
  begin(ctx: object): number {
    this.#begun = ctx;
    this.#start = this.now();
    return this.#start;
  }

  /** When the call began, for those who meet it in the same moment; now, where it has waited in between. */
  startOf(ctx: object): number {
    // A context may be used for a second call.
    if (this.#ended === ctx) this.#ended = undefined;
    return this.#begun === ctx ? this.#start : this.now();
  }

  /** The moment is over, or the call has waited: what comes now begins later. */
  forget(): void {
    this.#begun = undefined;
  }

  /** For those who hear of the same end one right after the other; asked a second time it is over. */
  endOf(ctx: object): number {
    if (this.#ended === ctx) {
      this.#ended = undefined;
      return this.#end;
    }
    this.#ended = ctx;
    this.#end = this.now();
    return this.#end;
  }
}
