import { AzoraError } from "../../../runtime/errors.ts";
import type { Change, ChangeLog } from "./change-log.ts";
import { sameVersion } from "./config-store.ts";
import type { Database } from "./database.ts";
import type { Flag } from "./rollout.ts";

export interface StoredFlag extends Flag {
  description: string;
  version: number;
  changedAt: string;
}

export type FlagChange = Partial<Omit<StoredFlag, "name" | "version" | "changedAt">>;

interface FlagRow {
  name: string;
  flag: string;
  version: number;
  changed_at: string;
}

const NEW = { enabled: false, percentage: 100, allow: [], deny: [], description: "" };

/** Feature flags. Each write is one durable transaction. */
export class FlagStore {
  readonly #database: Database;
  readonly #log: ChangeLog;

  constructor(database: Database, log: ChangeLog) {
    this.#database = database;
    this.#log = log;
  }

  find(name: string): StoredFlag | undefined {
    const row = this.#database.get<FlagRow>("SELECT * FROM flags WHERE name = ?", name);
    return row && fromRow(row);
  }

  get(name: string): StoredFlag {
    const flag = this.find(name);
    if (!flag) throw new AzoraError("NOT_FOUND", `There is no flag ${name}`);
    return flag;
  }

  list(limit: number, after: string): StoredFlag[] {
    const rows = this.#database.all<FlagRow>("SELECT * FROM flags WHERE name > ? ORDER BY name LIMIT ?", after, limit);
    return rows.map(fromRow);
  }

  /** Creates a flag or changes the given properties of it. `expected: 0` demands that it is new. */
  set(
    name: string,
    change: FlagChange,
    expected: number | undefined,
    at: string,
  ): { flag: StoredFlag; change: Change } {
    return this.#database.transaction(() => {
      const known = this.find(name);
      sameVersion(name, known?.version ?? 0, expected);
      const { version: _v, changedAt: _c, ...before } = known ?? { name, ...NEW, version: 0, changedAt: at };
      const flag = { ...before, ...change, name };
      const logged = this.#log.append({ at, kind: "flag", name, action: "set" });
      const version = logged.revision;
      this.#database.run("INSERT OR REPLACE INTO flags VALUES (?, ?, ?, ?)", name, JSON.stringify(flag), version, at);
      return { flag: { ...flag, version, changedAt: at }, change: logged };
    });
  }

  delete(name: string, expected: number | undefined, at: string): Change {
    return this.#database.transaction(() => {
      sameVersion(name, this.get(name).version, expected);
      this.#database.run("DELETE FROM flags WHERE name = ?", name);
      return this.#log.append({ at, kind: "flag", name, action: "deleted" });
    });
  }
}

function fromRow({ flag, version, changed_at: changedAt }: FlagRow): StoredFlag {
  return { ...(JSON.parse(flag) as Flag & { description: string }), version, changedAt };
}
