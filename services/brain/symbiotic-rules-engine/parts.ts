/** A failure that goes on is logged so often, ms. */
const LOG_AGAIN_MS = 60_000;

interface Failure {
  what: string;
  count: number;
  loggedAt: number;
}

/** The parts of the engine, each of which may fail without the others: a failure is counted, told, and forgotten when it is over. */
export class Parts {
  readonly #now: () => number;
  readonly #logger: { warn(text: string): void };
  readonly #failures = new Map<string, Failure>();

  /** @param now monotonic, ms */
  constructor(now: () => number, logger: { warn(text: string): void }) {
    this.#now = now;
    this.#logger = logger;
  }

  /** By part: what is wrong with it since it last worked. */
  get failures(): Record<string, string> {
    return Object.fromEntries([...this.#failures].map(([part, { what, count }]) => [part, `${what} (${count} times)`]));
  }

  /** Runs a part's work; undefined where it failed. */
  run<T>(part: string, work: () => T): T | undefined {
    try {
      const result = work();
      this.well(part);
      return result;
    } catch (error) {
      this.failed(part, error);
      return undefined;
    }
  }

  well(part: string): void {
    this.#failures.delete(part);
  }

  failed(part: string, error: unknown): void {
    const now = this.#now();
    const what = (error as Error)?.message ?? String(error);
    const before = this.#failures.get(part);
    const isNews = !before || now - before.loggedAt >= LOG_AGAIN_MS;
    if (isNews) this.#logger.warn(`${part}: ${what}`);
    this.#failures.set(part, {
      what,
      count: (before?.count ?? 0) + 1,
      loggedAt: isNews ? now : before.loggedAt,
    });
  }
}
