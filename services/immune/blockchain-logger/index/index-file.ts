import { rmSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Block } from "../../../../tlog/block.ts";

/** Raised with every change of the tables; a file of another version is made anew from the log. */
export const INDEX_VERSION = 1;

/**
 * An SQL index on a column ends with the row's own key, which is the entry's position. So each of them is a list of
 * positions in order, and a search walks lists only; the table itself is read for nothing but times.
 */
const TABLES = `
CREATE TABLE chain_index (
  one INTEGER PRIMARY KEY CHECK (one = 0), origin TEXT NOT NULL, position INTEGER NOT NULL, last_hash TEXT NOT NULL
);
CREATE TABLE event_types (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE blockchain_blocks (
  height INTEGER PRIMARY KEY, first_index INTEGER NOT NULL, last_index INTEGER NOT NULL, entry_count INTEGER NOT NULL,
  timestamp INTEGER NOT NULL, hash TEXT NOT NULL, previous_hash TEXT NOT NULL, merkle_root TEXT NOT NULL,
  tree_size INTEGER NOT NULL, tree_root TEXT NOT NULL, validator TEXT NOT NULL
);
CREATE TABLE blockchain_entries (
  position INTEGER PRIMARY KEY, id BLOB NOT NULL, event_type INTEGER NOT NULL REFERENCES event_types (id),
  timestamp INTEGER NOT NULL, subject TEXT, actor TEXT, request_id TEXT, block_height INTEGER NOT NULL
);
CREATE INDEX entries_by_id ON blockchain_entries (id);
CREATE INDEX entries_by_type ON blockchain_entries (event_type);
CREATE INDEX entries_by_subject ON blockchain_entries (subject) WHERE subject IS NOT NULL;
CREATE INDEX entries_by_actor ON blockchain_entries (actor) WHERE actor IS NOT NULL;
CREATE INDEX entries_by_request ON blockchain_entries (request_id) WHERE request_id IS NOT NULL;
PRAGMA user_version = ${INDEX_VERSION};
`;

/** What an entry is found by. */
export interface EntryRow {
  position: number;
  id: string;
  eventType: string;
  /** ms since the epoch */
  timestamp: number;
  subject?: string | undefined;
  actor?: string | undefined;
  requestId?: string | undefined;
  blockHeight: number;
}

/** Which log the file is about, and how far it has come. */
export interface Standing {
  origin: string;
  /** All entries before this one are in the file. */
  position: number;
  /** Hash of the entry before `position`, hex; empty at 0. */
  lastHash: string;
}

/** The worker's connection: the only one that writes. */
export class IndexFile {
  readonly #db: DatabaseSync;
  readonly #types = new Map<string, number>();
  readonly #insert: StatementSync;
  readonly #insertBlock: StatementSync;

  private constructor(db: DatabaseSync) {
    this.#db = db;
    for (const { id, name } of db.prepare("SELECT id, name FROM event_types").all() as { id: number; name: string }[])
      this.#types.set(name, id);
    this.#insert = db.prepare("INSERT OR REPLACE INTO blockchain_entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    this.#insertBlock = db.prepare("INSERT OR REPLACE INTO blockchain_blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  }

  /** Opens what stands there. @returns undefined where there is nothing of this version */
  static open(path: string): IndexFile | undefined {
    const db = connect(path);
    try {
      const { user_version: version } = db.prepare("PRAGMA user_version").get() as { user_version: number };
      if (version === INDEX_VERSION) return new IndexFile(db);
    } catch (error) {
      db.close();
      throw error;
    }
    db.close();
    return undefined;
  }

  /** Begins with an empty one, whatever stood there. */
  static make(path: string, origin: string): IndexFile {
    for (const end of ["", "-wal", "-shm", "-journal"]) rmSync(path + end, { force: true });
    const db = connect(path);
    db.exec(`BEGIN; ${TABLES} COMMIT`);
    db.prepare("INSERT INTO chain_index VALUES (0, ?, 0, '')").run(origin);
    return new IndexFile(db);
  }

  get database(): DatabaseSync {
    return this.#db;
  }

  get standing(): Standing {
    const sql = "SELECT origin, position, last_hash AS lastHash FROM chain_index";
    return { ...(this.#db.prepare(sql).get() as unknown as Standing) };
  }

  /** Numbers of the event types that fit. */
  typesThat(wanted: (name: string) => boolean): number[] {
    return [...this.#types].filter(([name]) => wanted(name)).map(([, id]) => id);
  }

  /** All of a step or nothing of it. */
  append(blocks: readonly { block: Block; hash: string }[], rows: Iterable<EntryRow>, standing: Standing): void {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      for (const row of rows) this.#add(row);
      for (const { block, hash } of blocks) this.#addBlock(block, hash);
      const sql = "UPDATE chain_index SET origin = ?, position = ?, last_hash = ?";
      this.#db.prepare(sql).run(standing.origin, standing.position, standing.lastHash);
      this.#db.exec("COMMIT");
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  #add({ position, id, eventType, timestamp, subject, actor, requestId, blockHeight }: EntryRow): void {
    const type = this.#types.get(eventType) ?? this.#addType(eventType);
    const others = [subject ?? null, actor ?? null, requestId ?? null] as const;
    this.#insert.run(position, idBytes(id), type, timestamp, ...others, blockHeight);
  }

  #addType(name: string): number {
    const { id } = this.#db
      .prepare("INSERT INTO event_types (name) VALUES (?) ON CONFLICT DO UPDATE SET name = name RETURNING id")
      .get(name) as { id: number };
    this.#types.set(name, id);
    return id;
  }

  #addBlock(block: Block, hash: string): void {
    const { height, firstIndex, lastIndex, entryCount, timestamp, previousHash, merkleRoot } = block;
    const { treeSize, treeRoot, validator } = block;
    const range = [height, firstIndex, lastIndex, entryCount, Date.parse(timestamp)] as const;
    this.#insertBlock.run(...range, hash, previousHash, merkleRoot, treeSize, treeRoot, validator);
  }
}

/** Looks up ids from the caller's own thread. */
export class IdLookup {
  readonly #db: DatabaseSync;
  readonly #find: StatementSync;

  constructor(path: string) {
    this.#db = new DatabaseSync(path, { readOnly: true, timeout: LOCK_WAIT_MS });
    this.#db.exec("PRAGMA mmap_size = 1073741824");
    this.#find = this.#db.prepare(ID_SQL);
    this.#find.setReturnArrays(true);
  }

  find(id: string): number | undefined {
    return (this.#find.get(idBytes(id)) as unknown as [number] | undefined)?.[0];
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }
}

/** The first one: an id that stands in the log twice means the entry that was there first. */
export const ID_SQL = "SELECT position FROM blockchain_entries WHERE id = ? ORDER BY position LIMIT 1";

const LOCK_WAIT_MS = 1000;

/** After a power failure the newest rows may be gone, never a part of them: they are read from the log once more. */
function connect(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: LOCK_WAIT_MS });
  try {
    db.exec(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 16384",
    );
  } catch (error) {
    db.close();
    throw error;
  }
  return db;
}

/** Half of what the text takes, in the index as well. */
function idBytes(id: string): Buffer {
  return Buffer.from(id.replaceAll("-", ""), "hex");
}
