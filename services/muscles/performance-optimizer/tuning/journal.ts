import type { OptimizationRecord } from "../../../../models/performance.ts";
import { type Book, type Entry, recordOf } from "../records/book.ts";

export interface JournalOptions {
  book: Pick<Book, "put">;
  /** Puts a step on durable record. It is not taken before that is done. */
  onRecord(step: string, record: OptimizationRecord): Promise<void>;
  logger: { info(text: string): void };
}

/** Where each change stands: in the store, and its steps on durable record. */
export class Journal {
  readonly #options: JournalOptions;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /**
   * In the store before on record, and on record before it is made: after a crash it is undone, made or not.
   * @returns why it is not on record, and so must not be made; nothing where it may be
   * @throws where it cannot be stored
   */
  async begin(entry: Entry): Promise<string | undefined> {
    await this.#options.book.put(entry);
    try {
      await this.step("begun", entry);
      return undefined;
    } catch (error) {
      return `it could not be put on record, so it was not made: ${(error as Error).message}`;
    }
  }

  /** @throws where it cannot be put on record */
  step(step: string, entry: Entry): Promise<void> {
    return this.#options.onRecord(step, recordOf(entry));
  }

  /** How it stands now, or its verdict. @throws where that cannot be stored */
  async close(entry: Entry, status: OptimizationRecord["status"], outcome: string): Promise<OptimizationRecord> {
    const closed: Entry = { ...entry, status, outcome };
    await this.#options.book.put(closed);
    if (status !== "measuring") {
      this.#options.logger.info(`${entry.change}: ${status}; ${outcome}`);
      await this.step("ended", closed).catch(() => {});
    }
    return recordOf(closed);
  }
}
