import type { Clock } from "../clock.ts";

/** The same trouble is said again after this time, ms. */
const SAY_AGAIN_MS = 60_000;

interface Log {
  error(message: string): void;
  info(message: string): void;
}

/** What keeps audit events from being recorded or delivered: said when it begins, again every minute, and when it is over. */
export class Trouble {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #now = new Map<string, string>();
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** All of it as one sentence. */
  get now(): string | undefined {
    return this.#now.size > 0 ? [...this.#now.values()].join("; ") : undefined;
  }

  /** Returns whether that is new. @param why nothing where it is over */
  set(what: string, why: string | undefined): boolean {
    const before = this.#now.get(what);
    if (why === undefined) {
      if (this.#now.delete(what)) this.#log.info(`it is over: ${before}`);
      if (this.#now.size === 0) this.close();
      return false;
    }
    this.#now.set(what, why);
    if (before !== undefined) return false;
    this.#log.error(why);
    this.#cancel ??= this.#clock.after(SAY_AGAIN_MS, () => this.#sayAgain());
    return true;
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #sayAgain(): void {
    for (const why of this.#now.values()) this.#log.error(why);
    this.#cancel = this.#clock.after(SAY_AGAIN_MS, () => this.#sayAgain());
  }
}
