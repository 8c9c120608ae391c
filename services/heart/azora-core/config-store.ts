import { AzoraError } from "../../../runtime/errors.ts";
import type { Change, ChangeLog } from "./change-log.ts";
import type { Database } from "./database.ts";
import { type Declaration, declarationErrors, type ValueError, valueErrors } from "./value-shape.ts";

export interface ConfigEntry {
  key: string;
  value: unknown;
  /** Where the value comes from. */
  from: "organisation" | "environment" | "value" | "default" | "unset";
  declaration: Declaration;
  description: string;
  version: number;
  changedAt: string;
}

export interface Where {
  environment?: string;
  organisation?: string;
}

interface KeyRow {
  key: string;
  declaration: string;
  standard: string | null;
  description: string;
  version: number;
  changed_at: string;
}

/** The scope of the value that holds where no override does. */
const EVERYWHERE = "default";

/** Typed configuration keys, their values and overrides. Each write is one durable transaction. */
export class ConfigStore {
  readonly #database: Database;
  readonly #log: ChangeLog;

  constructor(database: Database, log: ChangeLog) {
    this.#database = database;
    this.#log = log;
  }

  /**
   * Makes a key known, or changes its declaration. Declaring the same again changes nothing, so every instance of a
   * service may do it at its start.
   */
  declare(
    key: string,
    declaration: Declaration,
    standard: unknown,
    description: string,
    at: string,
  ): Change | undefined {
    refuse(declarationErrors(declaration), `The declaration of ${key} is wrong`);
    if (standard !== undefined) refuse(valueErrors(declaration, standard, "default"), `The default of ${key} is wrong`);
    const written = JSON.stringify(declaration);
    const byDefault = standard === undefined ? null : JSON.stringify(standard);
    return this.#database.transaction(() => {
      const row = this.#row(key);
      if (row?.declaration === written && row.standard === byDefault && row.description === description)
        return undefined;
      for (const { scope, value } of this.#values(key)) {
        refuse(
          valueErrors(declaration, JSON.parse(value), scope),
          `A value of ${key} does not fit the new declaration`,
        );
      }
      const change = this.#log.append({ at, kind: "config", name: key, action: "declared" });
      this.#database.run(
        `INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET declaration = excluded.declaration,
         standard = excluded.standard, description = excluded.description, version = excluded.version,
         changed_at = excluded.changed_at`,
        key,
        written,
        byDefault,
        description,
        change.revision,
        at,
      );
      return change;
    });
  }

  get(key: string, where: Where = {}): ConfigEntry {
    return this.#entry(this.#known(key), where);
  }

  list(prefix: string, where: Where, limit: number, after: string): ConfigEntry[] {
    const rows = this.#database.all<KeyRow>(
      "SELECT * FROM keys WHERE substr(key, 1, length(?1)) = ?1 AND key > ?2 ORDER BY key LIMIT ?3",
      prefix,
      after,
      limit,
    );
    return rows.map((row) => this.#entry(row, where));
  }

  set(key: string, value: unknown, where: Where, expected: number | undefined, at: string): Change {
    return this.#database.transaction(() => {
      const row = this.#known(key);
      sameVersion(key, row.version, expected);
      refuse(valueErrors(JSON.parse(row.declaration), value), `The value of ${key} is wrong`);
      const scope = scopeOf(where);
      this.#database.run(`INSERT OR REPLACE INTO "values" VALUES (?, ?, ?)`, key, scope, JSON.stringify(value));
      return this.#touched({ at, kind: "config", name: key, action: "set", scope });
    });
  }

  /** Takes an override or the value away, so that what is behind it holds again. */
  unset(key: string, where: Where, expected: number | undefined, at: string): Change {
    return this.#database.transaction(() => {
      const row = this.#known(key);
      sameVersion(key, row.version, expected);
      const scope = scopeOf(where);
      if (!this.#values(key).some((value) => value.scope === scope)) {
        throw new AzoraError("NOT_FOUND", `${key} has no value set for ${scope}`);
      }
      this.#database.run(`DELETE FROM "values" WHERE key = ? AND scope = ?`, key, scope);
      return this.#touched({ at, kind: "config", name: key, action: "deleted", scope });
    });
  }

  /** Forgets the key with its declaration, value and overrides. */
  delete(key: string, expected: number | undefined, at: string): Change {
    return this.#database.transaction(() => {
      sameVersion(key, this.#known(key).version, expected);
      this.#database.run("DELETE FROM keys WHERE key = ?", key);
      return this.#log.append({ at, kind: "config", name: key, action: "deleted" });
    });
  }

  #touched(change: Omit<Change, "revision">): Change {
    const logged = this.#log.append(change);
    this.#database.run(
      "UPDATE keys SET version = ?, changed_at = ? WHERE key = ?",
      logged.revision,
      change.at,
      change.name,
    );
    return logged;
  }

  #entry(row: KeyRow, where: Where): ConfigEntry {
    const values = new Map(this.#values(row.key).map(({ scope, value }) => [scope, value]));
    const candidates = [
      ["organisation", where.organisation && values.get(`organisation:${where.organisation}`)],
      ["environment", where.environment && values.get(`environment:${where.environment}`)],
      ["value", values.get(EVERYWHERE)],
      ["default", row.standard],
    ] as const;
    const [from, text] = candidates.find(([, value]) => typeof value === "string" && value !== "") ?? ["unset", "null"];
    const { key, description, version, changed_at: changedAt } = row;
    const declaration = JSON.parse(row.declaration) as Declaration;
    return { key, value: JSON.parse(text as string), from, declaration, description, version, changedAt };
  }

  #values(key: string) {
    return this.#database.all<{ scope: string; value: string }>(`SELECT scope, value FROM "values" WHERE key = ?`, key);
  }

  #row(key: string): KeyRow | undefined {
    return this.#database.get<KeyRow>("SELECT * FROM keys WHERE key = ?", key);
  }

  #known(key: string): KeyRow {
    const row = this.#row(key);
    if (!row) throw new AzoraError("NOT_FOUND", `No configuration key ${key} is declared`);
    return row;
  }
}

/** @throws AzoraError VERSION_CONFLICT when somebody else wrote meanwhile */
export function sameVersion(name: string, actual: number, expected: number | undefined): void {
  if (expected === undefined || expected === actual) return;
  const detail = `${name} is at version ${actual}, not ${expected}; read it and decide again`;
  throw new AzoraError("VERSION_CONFLICT", detail, { actual, expected });
}

function scopeOf({ environment, organisation }: Where): string {
  if (environment !== undefined && organisation !== undefined) {
    throw new AzoraError("BAD_REQUEST", "Give an environment or an organisation, not both: an override is for one");
  }
  if (organisation !== undefined) return `organisation:${organisation}`;
  return environment === undefined ? EVERYWHERE : `environment:${environment}`;
}

function refuse(errors: ValueError[], detail: string): void {
  if (errors.length > 0) throw new AzoraError("VALIDATION_ERROR", detail, { errors: errors.slice(0, 100) });
}
