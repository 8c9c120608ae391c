import { join } from "node:path";
import type { Clock } from "../../../../runtime/clock.ts";
import type { Block } from "../../../../tlog/block.ts";
import { blockLine } from "../../../../tlog/block.ts";
import type { LeafEntry } from "../../../../tlog/entry.ts";
import { parseVkey } from "../../../../tlog/keys.ts";
import type { LogReader } from "../../../../tlog/log-reader.ts";
import { KEY_EVENTS, type LogKeys } from "../keys/log-keys.ts";
import { SignedState } from "../keys/signed-state.ts";
import type { Disk } from "./disk.ts";
import { type Draft, draftOf, type EntryOptions } from "./draft.ts";
import { type Committed, GroupCommit } from "./group-commit.ts";
import type { Head, Linked } from "./head.ts";
import { leftoversOf } from "./leftovers.ts";
import { LogFolder } from "./log-folder.ts";
import { type Published, Publisher } from "./publisher.ts";
import { Recent } from "./recent.ts";
import { recover } from "./recovery.ts";
import { type AwaitedState, Progress } from "./states.ts";
import type { TileLayout } from "./tile-layout.ts";
import { Timers } from "./timers.ts";
import { WriteAheadLog } from "./write-ahead-log.ts";
import { WriterLock } from "./writer-lock.ts";

export interface AuditLogOptions {
  /** Holds `log`, `wal` and the lock. */
  folder: string;
  keys: LogKeys;
  /** File beside the keys in which the newest signed tree is remembered. */
  signedFile: string;
  /** Node that writes. */
  validator: string;
  disk: Disk;
  clock: Clock;
  /** Entries of a block, 1 to 256. @default 256 */
  blockEntries?: number;
  /** Longest time until an entry is in a block, ms. @default 1000 */
  blockInterval?: number;
  /** Longest time until an entry is covered by a checkpoint, ms. @default 1000 */
  checkpointInterval?: number;
  /** Where an entry of this id stands among those that are published, for de-duplication. */
  find?(id: string): number | undefined;
  onCommitted?(committed: readonly Committed[]): void;
  onPublished?(published: Published): void;
  onProblem?(why: string): void;
}

/** Answer to an entry that is durable. */
export interface Receipt {
  id: string;
  index: number;
  /** Hex leaf hash; absent for a duplicate whose first one is published long ago. */
  hash?: string;
  /** Another entry with the same idempotency key stands there already. */
  duplicate?: true;
}

/** The log: entries in order, durable, in blocks, in a tree, and signed. One process writes it. */
export class AuditLog {
  readonly reader: LogReader;
  readonly progress: Progress;
  readonly epoch: number;
  /** What was found at the start. */
  readonly recovered: { entries: number; torn: number };
  readonly #options: AuditLogOptions;
  readonly #lock: WriterLock;
  readonly #head: Head;
  readonly #layout: TileLayout;
  readonly #writeAhead: WriteAheadLog;
  readonly #commit: GroupCommit;
  readonly #folder: LogFolder;
  readonly #publisher: Publisher;
  readonly #timers: Timers;
  readonly #recent = new Recent();
  readonly #queuedIds = new Map<string, Promise<Linked>>();
  #checkpoint: string;
  #publishing: Promise<void> | undefined;
  /** Who writes the checkpoint: one at a time, or an old one could replace a new one. */
  #checkpointWriter: Promise<unknown> = Promise.resolve();
  #oldestUnpublished: number | undefined;
  #closed = false;
  /** Why the last publication failed, until one succeeds. */
  failure: string | undefined;

  /** @throws AzoraError CHAIN_UNAVAILABLE where another process writes, CHAIN_CORRUPT, CHAIN_ROLLED_BACK */
  static async open(options: AuditLogOptions): Promise<AuditLog> {
    const lock = new WriterLock(join(options.folder, "writer.sqlite"), options.validator, options.clock.now());
    let log: AuditLog | undefined;
    try {
      log = new AuditLog(options, lock);
      await log.#begin();
      return log;
    } catch (error) {
      await log?.abandon();
      lock.release();
      throw error;
    }
  }

  private constructor(options: AuditLogOptions, lock: WriterLock) {
    const { folder, keys, disk, clock, validator, blockEntries = 256 } = options;
    this.#options = options;
    this.#timers = new Timers(clock);
    this.#lock = lock;
    this.epoch = lock.epoch;
    const logFolder = join(folder, "log");
    const walFolder = join(folder, "wal");
    const signed = new SignedState(options.signedFile);
    const found = recover({
      logFolder,
      walFolder,
      origin: keys.origin,
      validator,
      blockEntries,
      verifiers: keys.keys.map(({ vkey }) => parseVkey(vkey)),
      signed: signed.signed,
    });
    this.reader = found.reader;
    this.#head = found.head;
    this.#layout = found.layout;
    this.#checkpoint = found.checkpoint;
    this.recovered = { entries: found.entries.length, torn: found.torn };
    this.progress = new Progress(found.published, 0);
    for (const { parsed, ...entry } of found.entries) {
      this.#recent.add(entry);
      if (parsed.eventType.startsWith("chain.key.")) keys.apply(parsed.eventType, parsed.data, parsed.index);
    }
    keys.published(found.published);
    this.#writeAhead = new WriteAheadLog(disk, walFolder, keys.origin, lock.epoch);
    this.#commit = new GroupCommit({
      head: this.#head,
      writeAhead: this.#writeAhead,
      now: () => clock.now(),
      onCommitted: (committed) => this.#committed(committed),
    });
    this.#folder = new LogFolder(logFolder, disk);
    this.#publisher = new Publisher(this.#folder, keys.origin, {
      remember: (size, root) => {
        lock.check();
        signed.remember(keys.origin, size, root.toString("hex"));
      },
      sign: (text, size) => keys.sign(text, size, clock.now()),
      keys: () => keys.text(),
      changedBefore: (size) => keys.changedBefore(size),
      saveKeys: () => keys.save(),
    });
  }

  /** Number of durable entries. */
  get size(): number {
    return this.#head.size;
  }

  /** Number of sealed blocks. */
  get height(): number {
    return this.#head.height;
  }

  get checkpoint(): string {
    return this.#checkpoint;
  }

  get queued(): number {
    return this.#commit.queued;
  }

  get refused(): number {
    return this.#commit.refused;
  }

  /** Why nothing can be written now. */
  get writeFailure(): string | undefined {
    return this.#commit.failure;
  }

  /** Time since the oldest entry that no checkpoint covers, ms; 0 where all are covered. */
  get checkpointLag(): number {
    return this.#oldestUnpublished === undefined ? 0 : this.#options.clock.now() - this.#oldestUnpublished;
  }

  /** @throws AzoraError CHAIN_ENTRY_INVALID, CHAIN_BUSY, CHAIN_UNAVAILABLE */
  async log(eventType: string, data: Record<string, unknown>, options: EntryOptions = {}): Promise<Receipt> {
    return this.append(draftOf(eventType, data, options), options.idempotencyKey !== undefined);
  }

  /** @param mayRepeat whether an entry of this id may stand in the log already */
  async append(draft: Draft, mayRepeat: boolean): Promise<Receipt> {
    const { id } = draft;
    if (mayRepeat) {
      const queued = this.#queuedIds.get(id);
      if (queued) return receipt(await queued, true);
      const recent = this.#recent.indexOf(id);
      if (recent !== undefined) return receipt(this.#recent.at(recent)!, true);
      const index = this.#options.find?.(id);
      if (index !== undefined) return { id, index, duplicate: true };
    }
    const durable = this.#commit.append(draft);
    if (!mayRepeat) return receipt(await durable);
    this.#queuedIds.set(id, durable);
    try {
      return receipt(await durable);
    } finally {
      this.#queuedIds.delete(id);
    }
  }

  /** Leaf bytes and leaf hash of an entry, published or not. */
  leaf(index: number): { bytes: Buffer; leaf: Buffer } | undefined {
    const recent = this.#recent.at(index);
    if (recent) return recent;
    if (index < 0 || index >= this.reader.size) return undefined;
    return { bytes: this.reader.leaf(index), leaf: this.reader.leafHashAt(index) };
  }

  indexOfRecent(id: string): number | undefined {
    return this.#recent.indexOf(id);
  }

  /** Blocks that no checkpoint covers. */
  get recentBlocks(): readonly Block[] {
    return this.#recent.blocks;
  }

  /** Resolves once the entry has the state. */
  reached(index: number, state: AwaitedState): Promise<void> {
    return this.progress.reached(index, state);
  }

  /** Publishes what is durable now, without waiting for its time. */
  async publish(): Promise<void> {
    const wanted = this.size;
    while (this.reader.size < wanted) {
      this.#publishing ??= this.#publishNow().finally(() => {
        this.#publishing = undefined;
      });
      await this.#publishing;
    }
  }

  /** Adds cosignatures to the checkpoint, if it is still the newest. */
  async cosigned(checkpoint: string, size: number): Promise<void> {
    await this.#writingCheckpoint(async () => {
      if (size !== this.reader.size) return;
      await this.#publisher.cosign(checkpoint);
      this.#checkpoint = checkpoint;
    });
  }

  /** Publishes the rest and gives the lock back. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timers.stop();
    try {
      await this.publish();
    } finally {
      await this.#commit.close();
      await this.#writeAhead.close();
      this.#lock.release();
    }
  }

  /** Leaves everything as it is on disk. */
  async abandon(): Promise<void> {
    this.#closed = true;
    this.#timers.stop();
    await this.#writeAhead.close();
  }

  async #begin(): Promise<void> {
    const { entries, torn } = this.recovered;
    await this.#folder.remove(leftoversOf(this.#folder.path, this.reader.size, this.reader.blockCount()));
    if (entries > 0) {
      await this.publish();
      this.#options.keys.published(this.reader.size);
    }
    // Whatever is left there is in the log, or was never acknowledged.
    await this.#writeAhead.removeAll();
    // A log begins with its keys: no checkpoint can cover less.
    for (const { algorithm, keyId, vkey } of this.#options.keys.unannounced) {
      await this.log(KEY_EVENTS.added, { algorithm, keyId, vkey }, { idempotencyKey: `${KEY_EVENTS.added}/${vkey}` });
    }
    const recovered = entries > 0 || torn > 0 ? { recovered: { entries, tornBytes: torn } } : {};
    await this.log("chain.started", { epoch: this.epoch, ...recovered });
  }

  #committed(committed: readonly Committed[]): void {
    const { clock, keys, blockInterval = 1000, checkpointInterval = 1000 } = this.#options;
    const wasPublished = this.#oldestUnpublished === undefined;
    for (const one of committed) {
      if ("block" in one) {
        this.#layout.addBlock(blockLine(one.block));
        this.#recent.addBlock(one.block);
      } else {
        const { bytes, leaf, index } = one.entry;
        this.#layout.add(bytes, leaf);
        this.#recent.add(one.entry);
        // Before anything can be signed that covers it.
        if (bytes.includes('"eventType":"chain.key.')) {
          const { eventType, data } = JSON.parse(bytes.toString()) as LeafEntry;
          keys.apply(eventType, data, index);
        }
      }
    }
    this.progress.reach("durable", this.size);
    this.progress.reach("integrated", this.size - this.#head.unsealed);
    this.#options.onCommitted?.(committed);
    if (!wasPublished || this.#closed) return;
    this.#oldestUnpublished = clock.now();
    this.#timers.after(checkpointInterval, () => this.publish());
    if (blockInterval < checkpointInterval) this.#timers.after(blockInterval, () => this.#sealInTime(blockInterval));
  }

  async #sealInTime(blockInterval: number): Promise<void> {
    if (this.#head.unsealed > 0) await this.#commit.seal();
    if (this.#oldestUnpublished !== undefined) this.#timers.after(blockInterval, () => this.#sealInTime(blockInterval));
  }

  async #publishNow(): Promise<void> {
    const head = this.#head;
    const sealed = await this.#commit.sealAndRotate(() => ({
      size: head.size,
      root: head.root(),
      height: head.height - 1,
      blockHash: head.blockHash,
      ...this.#layout.take(),
    }));
    try {
      await this.#writingCheckpoint(async () => this.#published(await this.#publisher.publish(sealed)));
    } catch (error) {
      this.#layout.giveBack(sealed);
      this.failure = (error as Error).message;
      this.#options.onProblem?.(`no checkpoint could be published: ${this.failure}`);
      throw error;
    }
    await this.#writeAhead.removeBefore(sealed.size);
    if (this.#oldestUnpublished !== undefined && !this.#closed) {
      this.#timers.after(this.#options.checkpointInterval ?? 1000, () => this.publish());
    }
  }

  #published(published: Published): void {
    const { keys, clock } = this.#options;
    const { size } = published.checkpoint;
    this.failure = undefined;
    keys.published(size);
    this.reader.setSize(size);
    this.#checkpoint = published.text;
    this.#oldestUnpublished = this.size > size ? clock.now() : undefined;
    this.progress.reach("checkpointed", size);
    this.#options.onPublished?.(published);
  }

  /** Entries below this size can be found by the reader and by `find` from now on. */
  forget(size: number): void {
    this.#recent.forget(size);
  }

  #writingCheckpoint<T>(write: () => Promise<T>): Promise<T> {
    const written = this.#checkpointWriter.then(write);
    this.#checkpointWriter = written.catch(() => {});
    return written;
  }
}

function receipt({ id, index, leaf }: Linked, duplicate = false): Receipt {
  return { id, index, hash: leaf.toString("hex"), ...(duplicate ? { duplicate: true as const } : {}) };
}
