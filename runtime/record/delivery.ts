import type { Clock } from "../clock.ts";
import type { PendingRecord, RecordSource } from "./record.ts";

/** What the chain says of one entry. */
export type AppendResult =
  | { id: string; index: number; duplicate?: boolean }
  | { refused: { code: string; detail: string; path?: string } };

export interface DeliveryOptions {
  clock: Clock;
  /** `blockchain-logger.append`; each text is the JSON of one entry. */
  send(texts: readonly string[]): Promise<AppendResult[]>;
  /** Whether there is somebody to send to. */
  isReachable(): boolean;
  /** The chain will never take this record. */
  refused(record: PendingRecord, why: { code: string; detail: string; path?: string }): void;
  /** The chain has not answered, or has again (no reason). */
  trouble(reason: string | undefined): void;
  /** Something was settled; to be used for tidying. */
  settled(): void;
  /** 0 to 1. @default Math.random */
  random?(): number;
}

/** Entries of one call: few enough that making them up does not hold the event loop for more than about a millisecond. */
const BATCH = 256;
/** A record may take three bytes for each of its characters, and a message of the bus one megabyte in all. */
const BATCH_CHARACTERS = 256 * 1024;
/** The only answer that no later attempt can change. */
const REFUSED_FOR_GOOD = "CHAIN_ENTRY_INVALID";
const RETRY_MS = { first: 100, most: 5000 };
const JITTER = 0.25;
/** What takes longer is no restart of the chain, ms. */
const WORTH_SAYING_MS = 5000;

/** Brings records to the chain, oldest first, one call at a time, until each of them is acknowledged or refused for good. */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #sources: RecordSource[] = [];
  #batch = BATCH;
  #running: Promise<void> | undefined;
  #wakeAt: number | undefined;
  #cancelWake: (() => void) | undefined;
  #failures = 0;
  #failingSince = 0;
  /** No attempt before this moment. */
  #notBefore = 0;
  #closed = false;
  /** Records that the chain has acknowledged; sent twice counts once. */
  delivered = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  add(source: RecordSource): void {
    this.#sources.push(source);
  }

  remove(source: RecordSource): void {
    this.#sources.splice(this.#sources.indexOf(source), 1);
  }

  /** There is something to deliver, within so many ms. */
  wake(within: number): void {
    if (this.#closed || this.#running) return;
    const { clock } = this.#options;
    const now = clock.now();
    const at = Math.max(now + within, this.#notBefore);
    if (this.#wakeAt !== undefined && this.#wakeAt <= at) return;
    this.#cancelWake?.();
    this.#wakeAt = at;
    this.#cancelWake = clock.after(at - now, () => {
      this.#wakeAt = undefined;
      void this.run();
    });
  }

  /** Delivers until nothing is left, or an attempt fails. */
  run(): Promise<void> {
    this.#running ??= this.#deliver().finally(() => {
      this.#running = undefined;
      // Who comes back wakes it; one that a circuit breaker lets through again does not.
      if (this.#failures > 0) this.wake(this.#options.isReachable() ? 0 : RETRY_MS.most);
    });
    return this.#running;
  }

  close(): void {
    this.#closed = true;
    this.#cancelWake?.();
  }

  async #deliver(): Promise<void> {
    while (!this.#closed && this.#options.isReachable()) {
      const records = await this.#gather();
      if (records.length === 0) return;
      let results: AppendResult[];
      try {
        results = await this.#options.send(records.map(({ text }) => text));
        if (results?.length !== records.length) throw new Error("the chain's answer does not fit what was sent");
      } catch (error) {
        if (this.#isOurFault(error)) this.#splitOrRefuse(records, error as Error);
        else {
          this.#failed((error as Error).message);
          return;
        }
        continue;
      }
      if (!this.#take(records, results)) return;
    }
  }

  async #gather(): Promise<PendingRecord[]> {
    const records: PendingRecord[] = [];
    let characters = 0;
    for (const source of this.#sources) {
      for (const record of await source.next(this.#batch - records.length)) {
        characters += record.text.length;
        if (records.length > 0 && characters > BATCH_CHARACTERS) return records;
        records.push(record);
      }
      if (records.length >= this.#batch) break;
    }
    return records;
  }

  /** Returns false where some must be sent again, and not at once. */
  #take(records: readonly PendingRecord[], results: readonly AppendResult[]): boolean {
    let again: string | undefined;
    for (const [i, result] of results.entries()) {
      const record = records[i]!;
      if (!("refused" in result)) {
        record.done = true;
        this.delivered++;
      } else if (result.refused.code === REFUSED_FOR_GOOD) {
        record.done = true;
        this.#options.refused(record, result.refused);
      } else again ??= result.refused.detail;
    }
    this.#settle();
    if (again !== undefined) {
      this.#failed(again);
      return false;
    }
    this.#batch = BATCH;
    if (this.#failures > 0) this.#options.trouble(undefined);
    this.#failures = 0;
    this.#notBefore = 0;
    return true;
  }

  /** One bad record must not hold up those that were sent with it. */
  #splitOrRefuse(records: readonly PendingRecord[], error: Error): void {
    if (records.length > 1) {
      this.#batch = Math.max(1, Math.ceil(records.length / 4));
      return;
    }
    records[0]!.done = true;
    this.#options.refused(records[0]!, { code: REFUSED_FOR_GOOD, detail: error.message });
    this.#settle();
  }

  #settle(): void {
    for (const source of this.#sources) source.settle();
    this.#options.settled();
  }

  #isOurFault(error: unknown): boolean {
    const { code } = error as { code?: unknown };
    return code === 400 || code === 413 || code === 422;
  }

  #failed(why: string): void {
    const { clock, random = Math.random, trouble } = this.#options;
    const now = clock.now();
    if (this.#failures === 0) this.#failingSince = now;
    const wait = Math.min(RETRY_MS.most, RETRY_MS.first * 2 ** this.#failures++);
    this.#notBefore = now + wait * (1 + JITTER * (2 * random() - 1));
    if (now - this.#failingSince >= WORTH_SAYING_MS) trouble(why);
  }
}
