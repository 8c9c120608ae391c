import type { Model } from "../../models/model.ts";
import type { IndexWish } from "../../models/query-facts.ts";
import { AzoraError } from "../../runtime/errors.ts";
import { compileModel } from "./compiled-model.ts";
import type { DatabaseFile } from "./database-file.ts";
import { forget, isStillWanted, noted } from "./queries/advised-indexes.ts";
import { shown } from "./refusal.ts";
import { violatedIndex } from "./sqlite-errors.ts";
import type { Transaction } from "./transaction.ts";

/** One step from one form of the documents to the next. */
export interface Migration {
  /** 1, 2, 3, … without a gap. */
  version: number;
  name: string;
  /** Synchronous, in a transaction of its own. `tx.collection(model).rewrite(…)` changes all documents. */
  up(tx: Transaction): void;
}

type Within = (work: (tx: Transaction) => void) => void;

/** @throws Error when the versions are not 1, 2, 3, … */
export function checkMigrations(migrations: readonly Migration[]): void {
  migrations.forEach(({ version, name }, i) => {
    if (version !== i + 1) throw new Error(`migration ${shown(name)} has version ${version}, but stands as ${i + 1}`);
  });
}

/**
 * Brings the file to the models: tables, then migrations, then indexes, because a migration may be what makes the values
 * of a new unique index unique. Several processes may do this at once: each step is done under the write lock by the one
 * that comes first, and the others find it done. After the last migration every document must fit its model.
 */
export async function prepareFile(
  db: DatabaseFile,
  models: readonly Model[],
  migrations: readonly Migration[],
  within: Within,
  now: () => number,
): Promise<void> {
  await db.write(() => {
    db.exec("CREATE TABLE IF NOT EXISTS azora_migrations (version INTEGER PRIMARY KEY, name TEXT, appliedAt TEXT)");
    for (const model of models) {
      db.exec(tableSql(compileModel(model).table));
      dropIndexes(db, model);
    }
  });
  await refuseNewer(db, migrations);
  for (const migration of migrations) {
    await db.write(() => {
      if (db.get("SELECT 1 FROM azora_migrations WHERE version = ?", [migration.version])) return;
      const isLast = migration.version === migrations.length;
      apply(db, migration, now, () =>
        within((tx) => {
          refusePromise(migration.up(tx));
          if (isLast) for (const model of models) tx.collection(model).check();
        }),
      );
    });
  }
  await db.write(() => {
    for (const model of models) createIndexes(db, model);
  });
  db.refuseAbove(migrations.length);
}

/** `version` and `deletedAt` are kept beside the document for SQL; SQLite derives them from it. */
const tableSql = (table: string) => `CREATE TABLE IF NOT EXISTS ${table} (
  _id TEXT PRIMARY KEY NOT NULL,
  doc TEXT NOT NULL,
  version INTEGER NOT NULL GENERATED ALWAYS AS (json_extract(doc, '$.version')) STORED,
  deletedAt TEXT GENERATED ALWAYS AS (json_extract(doc, '$.deletedAt')) STORED
)`;

async function refuseNewer(db: DatabaseFile, migrations: readonly Migration[]): Promise<void> {
  const newest = await db.read(() =>
    db.get("SELECT version, name FROM azora_migrations ORDER BY version DESC LIMIT 1"),
  );
  const { version, name } = (newest ?? { version: 0, name: "" }) as { version: number; name: string };
  if (version <= migrations.length) return;
  throw new AzoraError(
    "START_FAILED",
    `${db.path} was written by a newer version of this service: it has migration ${version} (${name}), ` +
      `this version knows ${migrations.length}. Start the newer version, or restore a copy from before the upgrade.`,
    { file: db.path, found: version, known: migrations.length },
  );
}

function apply(db: DatabaseFile, migration: Migration, now: () => number, run: () => void): void {
  const { version, name } = migration;
  try {
    run();
  } catch (error) {
    const failure = new AzoraError(
      "START_FAILED",
      `Migration ${version} (${name}) of ${db.path} failed and was rolled back: ${(error as Error).message}`,
      { file: db.path, migration: version, name },
    );
    failure.cause = error;
    throw failure;
  }
  const at = new Date(now()).toISOString();
  db.run("INSERT INTO azora_migrations (version, name, appliedAt) VALUES (?, ?, ?)", [version, name, at]);
  db.exec(`PRAGMA user_version = ${Number(version)}`);
}

function refusePromise(result: unknown): void {
  if (!(result instanceof Promise)) return;
  result.catch(() => {});
  throw new Error("up must be synchronous");
}

/**
 * Drops the indexes that the model does not declare any more, before a migration runs into one of them, and advised ones
 * that have lost their fields or their purpose.
 */
function dropIndexes(db: DatabaseFile, model: Model): void {
  const { table, indexes, paths } = compileModel(model);
  const wanted = new Set(indexes.map(({ name }) => name));
  for (const { name, detail } of noted(db, "index")) {
    const wish = JSON.parse(detail) as IndexWish;
    if (wish.collection !== model.name) continue;
    if (isStillWanted(wish, model, paths)) wanted.add(name);
    else forget(db, "index", name);
  }
  const existing = db.all("SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL", [
    table,
  ]) as { name: string }[];
  for (const { name } of existing) if (!wanted.has(name)) db.exec(`DROP INDEX "${name}"`);
}

function createIndexes(db: DatabaseFile, model: Model): void {
  const dropped = new Set(noted(db, "dropped").map(({ name }) => name));
  for (const index of compileModel(model).indexes) {
    if (dropped.has(index.name)) continue;
    try {
      db.exec(index.sql);
    } catch (error) {
      if (violatedIndex(error) === undefined) throw error;
      throw new AzoraError(
        "START_FAILED",
        `${db.path}: ${model.name} has documents with equal ${index.fields.join(", ")}, so its unique index cannot be ` +
          "made. Write a migration that makes them differ.",
        { file: db.path, collection: model.name, fields: index.fields },
      );
    }
  }
}
