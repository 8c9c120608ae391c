import type { Model, Stored } from "../../models/model.ts";
import type { Clock } from "../../runtime/clock.ts";
import { AzoraError } from "../../runtime/errors.ts";
import type { DatabaseFile } from "./database-file.ts";
import { DocumentReader } from "./document-reader.ts";
import { SYSTEM_PATHS, valueAt } from "./paths.ts";
import type { Asked } from "./queries/asked.ts";
import { shown, wrong } from "./refusal.ts";
import { violatedIndex } from "./sqlite-errors.ts";
import { uuidv7 } from "./uuid.ts";

/** Longest document, in characters of JSON. */
export const MAX_DOCUMENT = 16 * 2 ** 20;

export interface WriteOptions {
  /** The version that the caller has read. Another one in the store means VERSION_CONFLICT. */
  version?: number;
}

export type Patch<T> = Partial<{ [K in keyof T]: T[K] | null }>;

/**
 * The documents of one model inside a running transaction. Every method is synchronous. `Collection` is the same for
 * single operations outside of one.
 */
export class Documents<T extends object> extends DocumentReader<T> {
  readonly #clock: Clock;

  constructor(db: DatabaseFile, model: Model<T>, clock: Clock) {
    super(db, model);
    this.#clock = clock;
  }

  /**
   * `_id` may be given; else it is made.
   * @throws AzoraError VALIDATION_ERROR, DUPLICATE
   */
  insert(fields: T & { _id?: string }): Stored<T> {
    const { _id: given, ...rest } = fields;
    if (given !== undefined && !(typeof given === "string" && /^[\x21-\x7e]{1,128}$/.test(given))) {
      throw wrong("_id", given, "1 to 128 printable ASCII characters without blanks");
    }
    const valid = this.model.validate(rest);
    const now = this.#now();
    const document: Stored<T> = {
      _id: given ?? uuidv7(this.#clock.now()),
      ...valid,
      version: 1,
      createdAt: now,
      updatedAt: now,
      deletedAt: null,
    };
    return this.#write(`INSERT INTO ${this.model.table} (doc, _id) VALUES (?, ?)`, document, this.model.asked.insert);
  }

  /**
   * Sets the fields given and leaves the others; `null` removes an optional one. An object is replaced as a whole.
   * @throws AzoraError NOT_FOUND, VERSION_CONFLICT, VALIDATION_ERROR, DUPLICATE
   */
  update(id: string, patch: Patch<T>, options: WriteOptions = {}): Stored<T> {
    const current = this.#current(id, options);
    for (const field of Object.keys(patch)) {
      if (Object.hasOwn(SYSTEM_PATHS, field)) throw wrong(field, patch[field as keyof T], "left to the store");
    }
    const valid = this.model.validate({ ...fieldsOf(current), ...patch });
    const { _id, version, createdAt, deletedAt } = current;
    return this.#replace({ _id, ...valid, version: version + 1, createdAt, updatedAt: this.#now(), deletedAt });
  }

  /** Marks the document as deleted; it stays in the file and can be restored. Returns it as it is then. */
  remove(id: string, options: WriteOptions = {}): Stored<T> {
    const current = this.#current(id, options);
    const now = this.#now();
    return this.#replace({ ...current, version: current.version + 1, updatedAt: now, deletedAt: now });
  }

  /**
   * Brings a deleted document back; a living one stays as it is.
   * @throws AzoraError NOT_FOUND; DUPLICATE when a living document has taken its place in a unique index
   */
  restore(id: string): Stored<T> {
    const current = this.get(id, { withDeleted: true });
    if (current.deletedAt === null) return current;
    return this.#replace({ ...current, version: current.version + 1, updatedAt: this.#now(), deletedAt: null });
  }

  /** Takes documents out of the file for good, deleted ones too: for records of which only the newest are kept. */
  erase(ids: readonly string[]): void {
    for (const id of ids) this.db.run(`DELETE FROM ${this.model.table} WHERE _id = ?`, [id], this.model.asked.erase);
  }

  /**
   * Rewrites every document, deleted ones too; for migrations, which is why it does not validate: what it writes may be
   * a form between two models. `undefined` leaves a document alone. Returns how many were written.
   */
  rewrite(rewrite: (fields: Record<string, unknown>) => Record<string, unknown> | undefined): number {
    let written = 0;
    this.each((document) => {
      const fields = rewrite(fieldsOf(document));
      if (!fields) return;
      const { _id, version, createdAt, deletedAt } = document;
      this.#replace({
        _id,
        ...(fieldsOf(fields) as T),
        version: version + 1,
        createdAt,
        updatedAt: this.#now(),
        deletedAt,
      });
      written++;
    });
    return written;
  }

  /** @throws AzoraError VALIDATION_ERROR naming the first document, deleted or not, that does not fit the model */
  check(): void {
    this.each((document) => {
      try {
        this.model.validate(fieldsOf(document));
      } catch (error) {
        const { message, data } = error as AzoraError;
        throw new AzoraError("VALIDATION_ERROR", `document ${shown(document._id)} does not fit its model: ${message}`, {
          ...(data as object),
          id: document._id,
        });
      }
    });
  }

  #current(id: string, { version }: WriteOptions): Stored<T> {
    const current = this.get(id);
    const { name, requireVersion } = this.model.model;
    if (version === undefined && requireVersion) {
      throw wrong("version", version, `the version of ${name} that you have read; this model requires it`);
    }
    if (version !== undefined && version !== current.version) {
      throw new AzoraError(
        "VERSION_CONFLICT",
        `${name} ${shown(id)} is at version ${current.version}, not ${version}: read it again and repeat the change`,
        { collection: name, id, expected: version, actual: current.version },
      );
    }
    return current;
  }

  #replace(document: Stored<T>): Stored<T> {
    return this.#write(`UPDATE ${this.model.table} SET doc = ? WHERE _id = ?`, document, this.model.asked.update);
  }

  /** Returns the document as it was stored. */
  #write(sql: string, document: Stored<T>, asked: Asked): Stored<T> {
    const json = toJson(document);
    try {
      this.db.run(sql, [json, document._id], asked);
      return JSON.parse(json) as Stored<T>;
    } catch (error) {
      const violated = violatedIndex(error);
      if (violated === undefined) throw error;
      const index = this.model.indexes.find(({ name }) => name === violated);
      const fields = index?.fields ?? [violated];
      const values = Object.fromEntries(fields.map((path) => [path, valueAt(document, path)]));
      const named = Object.entries(values).map(([field, value]) => `${field} ${shown(value)}`);
      const errors = fields.map((field) => ({ field, value: values[field], allowed: "must be unique" }));
      throw new AzoraError("DUPLICATE", `${this.model.model.name} with ${named.join(" and ")} exists already`, {
        collection: this.model.model.name,
        values,
        errors,
      });
    }
  }

  #now(): string {
    return new Date(this.#clock.now()).toISOString();
  }
}

function fieldsOf(document: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(document).filter(([field]) => !Object.hasOwn(SYSTEM_PATHS, field)));
}

/** Half a surrogate pair would come out of SQLite as something else than went in. */
function toJson(document: object): string {
  const json = JSON.stringify(document, (_, value: unknown) =>
    typeof value === "string" ? value.toWellFormed() : value,
  );
  if (json.length <= MAX_DOCUMENT) return json;
  throw wrong("document", `${json.length} characters of JSON`, `at most ${MAX_DOCUMENT} characters of JSON`);
}
