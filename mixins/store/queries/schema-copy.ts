import { DatabaseSync } from "node:sqlite";
import type { DatabaseFile } from "../database-file.ts";
import { MATCH_FUNCTION } from "../query.ts";
import { SEEN_FUNCTION } from "./measured-statement.ts";

/**
 * The tables and indexes of a file without its documents. SQLite plans by what is declared, and by `sqlite_stat1` where
 * that is there, so here it makes the same plans, also with indexes that are nowhere yet.
 */
export class SchemaCopy {
  readonly version: number;
  readonly #db: DatabaseSync;

  constructor(file: DatabaseFile) {
    this.version = schemaVersion(file);
    this.#db = new DatabaseSync(":memory:");
    this.#db.function(MATCH_FUNCTION, { deterministic: true }, (_doc, _n) => 1);
    this.#db.function(SEEN_FUNCTION, () => 1);
    const declared = file.all(
      "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type = 'table' DESC",
    ) as { sql: string }[];
    for (const { sql } of declared) this.#db.exec(sql);
    this.#copyStatistics(file);
  }

  #copyStatistics(file: DatabaseFile): void {
    if (!file.get("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'")) return;
    this.#db.exec("ANALYZE sqlite_schema");
    const insert = this.#db.prepare("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)");
    const rows = file.all("SELECT tbl, idx, stat FROM sqlite_stat1") as { tbl: string; idx: string; stat: string }[];
    for (const { tbl, idx, stat } of rows) insert.run(tbl, idx, stat);
    this.#db.exec("ANALYZE sqlite_schema");
  }

  exec(sql: string): void {
    this.#db.exec(sql);
  }

  /** The steps of a statement's plan. */
  steps(sql: string): string[] {
    return this.#db
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map(({ detail }) => String(detail));
  }

  close(): void {
    this.#db.close();
  }
}

/** Changes with every index that comes or goes, whoever makes it. */
export function schemaVersion(file: DatabaseFile): number {
  return (file.get("PRAGMA schema_version") as { schema_version: number }).schema_version;
}
