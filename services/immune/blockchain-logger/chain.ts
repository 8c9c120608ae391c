import { statSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../../runtime/clock.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import type { Settings } from "../../../runtime/settings.ts";
import type { Block } from "../../../tlog/block.ts";
import type { Algorithm } from "../../../tlog/keys.ts";
import { ChainReader } from "./chain-reader.ts";
import { ChainIndex } from "./index/chain-index.ts";
import { KeyChanges } from "./keys/key-changes.ts";
import { newOrigin, wantedAlgorithms } from "./keys/log-identity.ts";
import { LogKeys } from "./keys/log-keys.ts";
import { recordSourceOf } from "./keys/record-source.ts";
import { SubjectKeys } from "./keys/subject-keys.ts";
import { AuditLog, type Receipt } from "./log/audit-log.ts";
import { type Disk, systemDisk } from "./log/disk.ts";
import { canonical, type Draft, draftOf, entryId } from "./log/draft.ts";
import type { Committed } from "./log/group-commit.ts";
import type { Published } from "./log/publisher.ts";
import type { AwaitedState } from "./log/states.ts";

export interface LogRequest {
  eventType: string;
  data: Record<string, unknown>;
  idempotencyKey?: string;
  /** Whom the data is about; it is then encrypted under that person's key. */
  subject?: string;
  actor?: string;
}

export interface Logger {
  info(...words: unknown[]): void;
  warn(...words: unknown[]): void;
  error(...words: unknown[]): void;
}

export interface ChainOptions {
  settings: Settings;
  /** Node that writes. */
  validator: string;
  clock: Clock;
  logger: Logger;
  /** @default the machine's */
  disk?: Disk;
  onBlock?(block: Block): void;
  onCommitted?(committed: readonly Committed[]): void;
  onPublished?(published: Published): void;
}

/** The index is behind by what was written in the last second before a crash; to make it anew takes longer than this, ms. */
const INDEX_PATIENCE_MS = 1000;
/** Types that only the chain itself may write. */
const OWN_TYPES = /^(?:chain\.|accounting\.(?:verdict|declared)$)/;

/** The audit chain as a whole: the log, its keys, the keys of persons, and the index that finds entries. */
export class Chain {
  readonly log: AuditLog;
  readonly keys: LogKeys;
  readonly subjects: SubjectKeys;
  readonly index: ChainIndex;
  readonly reader: ChainReader;
  readonly keyChanges: KeyChanges;
  readonly folder: string;
  readonly #logger: Logger;
  /** Entries before this are found by the index alone. */
  #forgotten: number;

  /** @throws AzoraError CHAIN_UNAVAILABLE, CHAIN_CORRUPT, CHAIN_ROLLED_BACK */
  static async open(options: ChainOptions): Promise<Chain> {
    const { settings, clock, logger } = options;
    const folder = join(settings.AZORA_DATA_DIR, "chain");
    const keysFolder = join(settings.AZORA_DATA_DIR, "keys");
    const pem = Buffer.from(settings.AZORA_CHAIN_KEYS, "base64").toString();
    const wanted = wantedAlgorithms(settings);
    const keys = LogKeys.open(keysFolder, newOrigin(settings), wanted, pem);
    let chain: Chain | undefined;
    const log = await AuditLog.open({
      folder,
      keys,
      signedFile: join(keysFolder, "signed.json"),
      validator: options.validator,
      disk: options.disk ?? systemDisk,
      clock,
      blockEntries: settings.AZORA_CHAIN_BLOCK_ENTRIES,
      blockInterval: settings.AZORA_CHAIN_BLOCK_INTERVAL,
      checkpointInterval: settings.AZORA_CHAIN_CHECKPOINT_INTERVAL,
      find: (id) => chain?.find(id),
      onCommitted(committed) {
        for (const one of committed) if ("block" in one) options.onBlock?.(one.block);
        options.onCommitted?.(committed);
      },
      onPublished(published) {
        chain?.advance();
        options.onPublished?.(published);
      },
      onProblem: (why) => logger.error(why),
    });
    let subjects: SubjectKeys | undefined;
    let index: ChainIndex | undefined;
    try {
      subjects = new SubjectKeys(keysFolder, settings.AZORA_CHAIN_SUBJECT_KEY);
      index = await ChainIndex.open({
        file: join(folder, "index.sqlite"),
        logFolder: join(folder, "log"),
        logger,
      });
      await indexed(index, log.reader.size, clock);
      chain = new Chain(folder, log, keys, subjects, index, logger);
      await chain.#settle(wanted);
      return chain;
    } catch (error) {
      // It is tried again in this process, which must not find its own lock in its way then.
      await log.close().catch(() => {});
      await index?.close();
      subjects?.close();
      throw error;
    }
  }

  private constructor(
    folder: string,
    log: AuditLog,
    keys: LogKeys,
    subjects: SubjectKeys,
    index: ChainIndex,
    logger: Logger,
  ) {
    this.folder = folder;
    this.log = log;
    this.keys = keys;
    this.subjects = subjects;
    this.index = index;
    this.reader = new ChainReader(log, subjects);
    this.keyChanges = new KeyChanges(log, keys);
    this.#logger = logger;
    this.#forgotten = log.reader.size;
  }

  /**
   * Resolves once the entry is durable.
   * @throws AzoraError CHAIN_ENTRY_INVALID, CHAIN_BUSY, CHAIN_UNAVAILABLE
   */
  async append(request: LogRequest): Promise<Receipt> {
    if (OWN_TYPES.test(request.eventType)) {
      const why = `${request.eventType} is written by the chain alone`;
      throw new AzoraError("CHAIN_ENTRY_INVALID", `eventType: ${why}`, { path: "eventType", why });
    }
    return this.log.append(await this.#draft(request), request.idempotencyKey !== undefined);
  }

  /** As `append`, and then as far as was asked for. */
  async appendUntil(request: LogRequest, state: AwaitedState): Promise<Receipt> {
    const receipt = await this.append(request);
    await this.log.reached(receipt.index, state);
    return receipt;
  }

  /** Where an entry stands, published or not. @throws AzoraError CHAIN_UNAVAILABLE while the index is made anew */
  find(id: string): number | undefined {
    const recent = this.log.indexOfRecent(id);
    if (recent !== undefined) return recent;
    if (this.index.position < this.#forgotten) {
      throw new AzoraError(
        "CHAIN_UNAVAILABLE",
        `the index is made anew: ${this.index.position} of ${this.#forgotten} entries`,
      );
    }
    return this.index.idOf(id);
  }

  /** What was durable when it was called can be read and found once it resolves. */
  async catchUp(): Promise<void> {
    await this.log.publish();
    await this.index.advance(this.log.reader.size);
  }

  /** Lets the index take over what was published. */
  advance(): void {
    const size = this.log.reader.size;
    this.index.advance(size).then(
      () => {
        this.log.forget(size);
        this.#forgotten = Math.max(this.#forgotten, size);
      },
      (error: Error) => this.#logger.warn(`the index does not follow the log: ${error.message}`),
    );
  }

  /** Bytes of the log's newest files and of the index are not counted one by one; this is the index alone. */
  get indexBytes(): number {
    return statSync(join(this.folder, "index.sqlite"), { throwIfNoEntry: false })?.size ?? 0;
  }

  async close(): Promise<void> {
    try {
      await this.log.close();
    } finally {
      await this.index.close();
      this.subjects.close();
    }
  }

  /** Ends what an earlier life began: tombstones of keys that are gone. */
  async #settle(wanted: readonly Algorithm[]): Promise<void> {
    this.advance();
    await this.keyChanges.settle(wanted);
    for (const erased of this.subjects.unburied()) await this.bury(erased, "");
  }

  /** Says in the log that a person's key is gone. */
  async bury({ pseudonym, keyId }: { pseudonym: string; keyId: string }, reason: string): Promise<Receipt> {
    const data = { keyId, subject: pseudonym, ...(reason ? { reason } : {}) };
    const receipt = await this.log.log("chain.erased", data, { idempotencyKey: `chain.erased/${pseudonym}` });
    this.subjects.buried(pseudonym);
    return receipt;
  }

  async #draft(request: LogRequest): Promise<Draft> {
    const { eventType, data, idempotencyKey, subject, actor } = request;
    const options = actor === undefined ? {} : { actor };
    const id = entryId(idempotencyKey);
    if (subject === undefined) return draftOf(eventType, data, options, id);
    canonical("subject", subject);
    const source = recordSourceOf(data);
    const personal = source ? { ...data, source: undefined } : data;
    const sealed = await this.subjects.seal(subject, personal, id);
    const kept = source ? { ...sealed.data, source } : sealed.data;
    const own = actor === subject ? { actor: sealed.pseudonym } : options;
    return draftOf(eventType, kept, { ...own, subject: sealed.pseudonym }, id);
  }
}

/** Resolves once the index has caught up, or when that takes long. */
function indexed(index: ChainIndex, size: number, clock: Clock): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(INDEX_PATIENCE_MS, resolve);
    index.advance(size).then(resolve, reject).finally(cancel);
  });
}
