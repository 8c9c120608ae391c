import { hash } from "node:crypto";
import type { Model } from "../../../models/model.ts";
import type { IndexWish } from "../../../models/query-facts.ts";
import { compileModel } from "../compiled-model.ts";
import type { DatabaseFile } from "../database-file.ts";
import { columnOf, type ScalarKind } from "../paths.ts";
import { wrong } from "../refusal.ts";

/** Begins the name of every index that no model declares. */
export const ADVISED_PREFIX = "advised_";

/** Advised indexes of one collection. Each costs every write; more than these say that the model wants thought. */
export const MAX_ADVISED = 8;

/**
 * What was changed by advice, in the service's own file, so that it holds for every process that opens it and moves with
 * it: `index` an advised one, `dropped` one of the model that is not to be made again, `rewrite` a shape in its other form.
 */
export const ADVICE_TABLE = `CREATE TABLE IF NOT EXISTS azora_advice (
  kind TEXT NOT NULL, name TEXT NOT NULL, detail TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (kind, name)
)`;

export type AdviceKind = "index" | "dropped" | "rewrite";

export interface Noted {
  name: string;
  detail: string;
}

export function noted(db: DatabaseFile, kind: AdviceKind): Noted[] {
  if (!db.get("SELECT 1 FROM sqlite_schema WHERE name = 'azora_advice'")) return [];
  return db.all("SELECT name, detail FROM azora_advice WHERE kind = ? ORDER BY name", [kind]) as Noted[];
}

export function note(db: DatabaseFile, kind: AdviceKind, name: string, detail: unknown, now: number): void {
  db.exec(ADVICE_TABLE);
  const at = new Date(now).toISOString();
  db.run("INSERT OR REPLACE INTO azora_advice VALUES (?, ?, ?, ?)", [kind, name, JSON.stringify(detail), at]);
}

export function forget(db: DatabaseFile, kind: AdviceKind, name: string): void {
  db.exec(ADVICE_TABLE);
  db.run("DELETE FROM azora_advice WHERE kind = ? AND name = ?", [kind, name]);
}

export interface AdvisedIndex extends IndexWish {
  name: string;
  table: string;
  sql: string;
}

/** @throws AzoraError VALIDATION_ERROR naming the collection or field that is not there */
export function compileWish(models: readonly Model[], wish: IndexWish): AdvisedIndex {
  const model = models.find(({ name }) => name === wish.collection);
  if (!model) throw wrong("collection", wish.collection, `one of ${models.map(({ name }) => name).join(", ")}`);
  const { table, paths } = compileModel(model);
  for (const field of wish.fields) {
    if (!paths.has(field)) throw wrong("fields", field, `one of ${[...paths.keys()].join(", ")}`);
  }
  const body = `${table} (${wish.fields.map(columnOf).join(", ")})${wish.living ? " WHERE deletedAt IS NULL" : ""}`;
  const fields = wish.fields
    .join("_")
    .replace(/[^A-Za-z0-9_]/g, "_")
    .slice(0, 80);
  const name = `${ADVISED_PREFIX}${wish.collection}_${fields}_${hash("sha256", body).slice(0, 8)}`;
  return { ...wish, name, table, sql: `CREATE INDEX IF NOT EXISTS ${name} ON ${body}` };
}

/** Whether an advised index still has its fields, and no declared one has made it needless. */
export function isStillWanted(wish: IndexWish, model: Model, paths: ReadonlyMap<string, ScalarKind>): boolean {
  const declared = (model.indexes ?? []).some(
    ({ fields, unique = false }) => !unique && fields.join("\0") === wish.fields.join("\0"),
  );
  return !declared && wish.fields.every((field) => paths.has(field));
}
