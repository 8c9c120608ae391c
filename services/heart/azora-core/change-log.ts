import type { Database } from "./database.ts";

/** One change, in the order in which they were made. */
export interface Change {
  /** Counts all changes; it is also the version of what was changed, so that a version never comes back. */
  revision: number;
  /** ISO 8601. */
  at: string;
  kind: "config" | "flag";
  /** The key or the flag's name. */
  name: string;
  action: "declared" | "set" | "deleted";
  /** Where a configuration value was set: `default`, `environment:…` or `organisation:…`. */
  scope?: string;
}

/** Changes kept; who is further behind reads everything anew. */
const KEPT = 10_000;

export class ChangeLog {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Appends within the running transaction. */
  append(change: Omit<Change, "revision">): Change {
    const revision = this.#database.run("INSERT INTO changes (change) VALUES (?)", JSON.stringify(change));
    this.#database.run("DELETE FROM changes WHERE revision <= ?", revision - KEPT);
    return { revision, ...change };
  }

  get revision(): number {
    const row = this.#database.get<{ seq: number }>("SELECT seq FROM sqlite_sequence WHERE name = 'changes'");
    return row?.seq ?? 0;
  }

  /** Changes after a revision, oldest first. `complete: false`: some are no longer kept, read everything anew. */
  since(revision: number, limit: number): { revision: number; changes: Change[]; complete: boolean; more: boolean } {
    const rows = this.#database.all<{ revision: number; change: string }>(
      "SELECT revision, change FROM changes WHERE revision > ? ORDER BY revision LIMIT ?",
      revision,
      limit + 1,
    );
    const latest = Math.max(this.revision, rows.at(-1)?.revision ?? 0);
    const changes = rows
      .slice(0, limit)
      .map((row) => ({ revision: row.revision, ...JSON.parse(row.change) }) as Change);
    // A revision from the future means that the file was replaced.
    const complete = revision <= latest && (revision === latest || rows[0]?.revision === revision + 1);
    const more = rows.length > limit;
    return { revision: more ? changes.at(-1)!.revision : latest, changes, complete, more };
  }
}
