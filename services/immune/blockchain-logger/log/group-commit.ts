import { setImmediate } from "node:timers/promises";
import { AzoraError } from "../../../../runtime/errors.ts";
import { type Block, blockLine } from "../../../../tlog/block.ts";
import { blockRecord, entriesRecord } from "../../../../tlog/write-ahead.ts";
import type { Draft } from "./draft.ts";
import type { Head, Linked } from "./head.ts";
import type { WriteAheadLog } from "./write-ahead-log.ts";

/** What one write made durable, in the order of the chain. */
export type Committed = { entry: Linked } | { block: Block };

export interface GroupCommitOptions {
  head: Head;
  writeAhead: WriteAheadLog;
  now(): number;
  /** Called after each write, before its callers are answered. */
  onCommitted(committed: readonly Committed[]): void;
  /** Entries that may wait. @default 10000 */
  maxQueued?: number;
  /** Their bytes. @default 33554432 */
  maxQueuedBytes?: number;
}

interface Waiting {
  draft: Draft;
  resolve(linked: Linked): void;
  reject(error: unknown): void;
}

interface Seal {
  /** Whether the write-ahead file ends with it. */
  rotates: boolean;
  done(): void;
  reject(error: unknown): void;
}

/** One write takes at most this much, so that nobody waits long behind others. */
const BATCH_ENTRIES = 1024;
const BATCH_BYTES = 4 * 1024 * 1024;

/**
 * Makes entries durable, many by one write: those that come while the disk is busy go together in the next one. Order
 * and links are given just before the write; if it fails, the chain is as before and the callers know.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #maxQueued: number;
  readonly #maxQueuedBytes: number;
  #queue: Waiting[] = [];
  #queuedBytes = 0;
  #seals: Seal[] = [];
  #running: Promise<void> | undefined;
  #closed = false;
  /** Entries that found the queue full. */
  refused = 0;
  /** Why the last write failed, until one succeeds. */
  failure: string | undefined;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
    this.#maxQueued = options.maxQueued ?? 10_000;
    this.#maxQueuedBytes = options.maxQueuedBytes ?? 32 * 1024 * 1024;
  }

  get queued(): number {
    return this.#queue.length;
  }

  /**
   * Resolves once the entry is durable.
   * @throws AzoraError CHAIN_BUSY when too much waits, CHAIN_UNAVAILABLE when the disk refuses
   */
  append(draft: Draft): Promise<Linked> {
    if (this.#closed) return Promise.reject(unavailable("it is stopping"));
    if (this.#queue.length >= this.#maxQueued || this.#queuedBytes + draft.bytes > this.#maxQueuedBytes) {
      this.refused++;
      return Promise.reject(
        new AzoraError("CHAIN_BUSY", `${this.#queue.length} entries wait for the disk already`, {
          allowed: this.#maxQueued,
        }),
      );
    }
    this.#queuedBytes += draft.bytes;
    const durable = new Promise<Linked>((resolve, reject) => this.#queue.push({ draft, resolve, reject }));
    this.#run();
    return durable;
  }

  /** Seals what is durable into a block, if anything is new. */
  seal(): Promise<void> {
    return new Promise((done, reject) => this.#sealed({ rotates: false, done, reject }));
  }

  /** Seals, and begins a new write-ahead file. `capture` sees the chain as it was sealed: nothing is written meanwhile. */
  sealAndRotate<T>(capture: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#sealed({ rotates: true, done: () => resolve(capture()), reject });
    });
  }

  #sealed(seal: Seal): void {
    this.#seals.push(seal);
    this.#run();
  }

  /** Takes no more, and resolves once everything that it took is answered. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  #run(): void {
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined;
      if (this.#queue.length > 0 || this.#seals.length > 0) this.#run();
    });
  }

  async #work(): Promise<void> {
    // Those who were just answered may have more to write: they come first, and go into the same write.
    for (await setImmediate(); this.#queue.length > 0 || this.#seals.length > 0; await setImmediate()) {
      if (this.#seals.length > 0) await this.#seal();
      else await this.#write(this.#takeBatch());
    }
  }

  #takeBatch(): Waiting[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#queue.length && count < BATCH_ENTRIES && bytes < BATCH_BYTES)
      bytes += this.#queue[count++]!.draft.bytes;
    this.#queuedBytes -= bytes;
    return this.#queue.splice(0, count);
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    const { head, now } = this.#options;
    const before = head.save();
    const time = now();
    const committed: Committed[] = [];
    const linked: Linked[] = [];
    for (const { draft } of batch) {
      const entry = head.link(draft, time);
      linked.push(entry);
      committed.push({ entry });
      if (head.blockIsFull) committed.push({ block: head.seal(time) });
    }
    try {
      await this.#commit(committed, before.tree.size);
    } catch {
      head.restore(before);
      const refusal = unavailable(this.failure!);
      for (const { reject } of batch) reject(refusal);
      return;
    }
    for (const [at, { resolve }] of batch.entries()) resolve(linked[at]!);
  }

  async #seal(): Promise<void> {
    const { head, now, writeAhead } = this.#options;
    const wanted = this.#seals.splice(0);
    const before = head.save();
    try {
      if (head.unsealed > 0) await this.#commit([{ block: head.seal(now()) }], before.tree.size);
      if (wanted.some(({ rotates }) => rotates)) await writeAhead.rotate();
    } catch (error) {
      if (this.failure) head.restore(before);
      for (const { reject } of wanted) reject(error);
      return;
    }
    for (const { done } of wanted) done();
  }

  async #commit(committed: readonly Committed[], firstIndex: number): Promise<void> {
    try {
      await this.#options.writeAhead.append(recordsOf(committed), firstIndex);
    } catch (error) {
      this.failure = (error as Error).message;
      throw error;
    }
    this.failure = undefined;
    this.#options.onCommitted(committed);
  }
}

/** Neighbouring entries share a record. */
function recordsOf(committed: readonly Committed[]): Buffer[] {
  const records: Buffer[] = [];
  let entries: Buffer[] = [];
  for (const one of committed) {
    if ("entry" in one) {
      entries.push(one.entry.bytes);
      continue;
    }
    if (entries.length > 0) records.push(entriesRecord(entries));
    entries = [];
    records.push(blockRecord(blockLine(one.block)));
  }
  if (entries.length > 0) records.push(entriesRecord(entries));
  return records;
}

function unavailable(why: string): AzoraError {
  return new AzoraError("CHAIN_UNAVAILABLE", `the audit chain cannot write: ${why}`, { why });
}
