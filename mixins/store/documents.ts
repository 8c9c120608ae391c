import type { Model, Stored } from "../../models/model.ts";
import type { Clock } from "../../runtime/clock.ts";
import { AzoraError } from "../../runtime/errors.ts";
import { type CompiledModel, compileModel } from "./compiled-model.ts";
import { decodeCursor, encodeCursor, listingId } from "./cursor.ts";
import type { DatabaseFile } from "./database-file.ts";
import { SYSTEM_PATHS, valueAt } from "./paths.ts";
import { type CompiledQuery, compileQuery } from "./query.ts";
import { shown, wrong } from "./refusal.ts";
import { withinPatternBudget } from "./regex.ts";
import { after, orderBy, parseSort, type Sort, sortValues } from "./sort.ts";
import { violatedIndex } from "./sqlite-errors.ts";
import { uuidv7 } from "./uuid.ts";

/** Longest document, in characters of JSON. */
export const MAX_DOCUMENT = 16 * 2 ** 20;

export interface FindOptions {
  /** Declared string, number or boolean fields; `-` before one turns it round. @default "_id" */
  sort?: Sort;
  /** @default no limit */
  limit?: number;
  /** @default 0 */
  offset?: number;
  /** Deleted documents too. @default false */
  withDeleted?: boolean;
}

export interface PageOptions {
  query?: unknown;
  sort?: Sort;
  pageSize: number;
  /** From 1. Not beside `cursor`. */
  page?: number;
  /** `nextCursor` of the page before. */
  cursor?: string;
  withDeleted?: boolean;
}

export interface Page<T extends object> {
  rows: Stored<T>[];
  pageSize: number;
  /** Of the following page; `null` on the last one. */
  nextCursor: string | null;
  /** These three only when pages are asked for by number. */
  page?: number;
  total?: number;
  totalPages?: number;
}

export interface WriteOptions {
  /** The version that the caller has read. Another one in the store means VERSION_CONFLICT. */
  version?: number;
}

interface Row {
  doc: string;
}

/**
 * The documents of one model inside a running transaction. Every method is synchronous. `Collection` is the same for
 * single operations outside of one.
 */
export class Documents<T extends object> {
  readonly #db: DatabaseFile;
  readonly #model: CompiledModel<T>;
  readonly #clock: Clock;

  constructor(db: DatabaseFile, model: Model<T>, clock: Clock) {
    this.#db = db;
    this.#model = compileModel(model);
    this.#clock = clock;
  }

  /** @throws AzoraError NOT_FOUND */
  get(id: string, options: { withDeleted?: boolean } = {}): Stored<T> {
    const found = this.findById(id);
    if (found && (options.withDeleted || found.deletedAt === null)) return found;
    throw new AzoraError("NOT_FOUND", `There is no document ${shown(id)} in ${this.#model.model.name}`, {
      collection: this.#model.model.name,
      id,
    });
  }

  /** Also a deleted one. */
  findById(id: string): Stored<T> | undefined {
    const row = this.#db.get(`SELECT doc FROM ${this.#model.table} WHERE _id = ?`, [id]) as Row | undefined;
    return row && (JSON.parse(row.doc) as Stored<T>);
  }

  findOne(query: unknown, options: FindOptions = {}): Stored<T> | undefined {
    return this.find(query, { ...options, limit: 1 })[0];
  }

  find(query: unknown = {}, options: FindOptions = {}): Stored<T>[] {
    const { where, params, ...compiled } = this.#where(query, options);
    const order = orderBy(parseSort(options.sort, this.#model.paths));
    const sql = `SELECT doc FROM ${this.#model.table} WHERE ${where} ORDER BY ${order} LIMIT ? OFFSET ?`;
    return this.#rows({ ...compiled, where: sql, params: [...params, options.limit ?? -1, options.offset ?? 0] });
  }

  count(query: unknown = {}, options: Pick<FindOptions, "withDeleted"> = {}): number {
    const compiled = this.#where(query, options);
    const sql = `SELECT count(*) AS n FROM ${this.#model.table} WHERE ${compiled.where}`;
    const run = () => this.#db.get(sql, compiled.params, compiled.predicates) as { n: number };
    return (compiled.hasPattern ? withinPatternBudget(run) : run()).n;
  }

  /** One page, in an order in which no two documents are equal. */
  page(options: PageOptions): Page<T> {
    const { query = {}, pageSize, cursor, withDeleted = false } = options;
    if (cursor !== undefined && options.page !== undefined) throw wrong("cursor", cursor, "without page beside it");
    const keys = parseSort(options.sort, this.#model.paths);
    const listing = listingId(this.#model.model.name, query, keys, withDeleted);
    const page = options.page ?? 1;

    const compiled = this.#where(query, { withDeleted });
    let { where } = compiled;
    const params = [...compiled.params];
    if (cursor !== undefined) where += ` AND (${after(keys, decodeCursor(cursor, listing, keys.length), params)})`;
    const sql = `SELECT doc FROM ${this.#model.table} WHERE ${where} ORDER BY ${orderBy(keys)} LIMIT ? OFFSET ?`;
    // One more than asked for tells whether there is a next page.
    params.push(pageSize + 1, cursor === undefined ? (page - 1) * pageSize : 0);
    const rows = this.#rows({ ...compiled, where: sql, params });
    const more = rows.length > pageSize;
    if (more) rows.pop();

    const nextCursor = more ? encodeCursor(listing, sortValues(keys, rows.at(-1)!)) : null;
    if (cursor !== undefined) return { rows, pageSize, nextCursor };
    const total = this.count(query, { withDeleted });
    return { rows, pageSize, nextCursor, page, total, totalPages: Math.ceil(total / pageSize) };
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
    const valid = this.#model.validate(rest);
    const now = this.#now();
    const document: Stored<T> = {
      _id: given ?? uuidv7(this.#clock.now()),
      ...valid,
      version: 1,
      createdAt: now,
      updatedAt: now,
      deletedAt: null,
    };
    this.#unique(document, () =>
      this.#db.run(`INSERT INTO ${this.#model.table} (_id, doc) VALUES (?, ?)`, [document._id, toJson(document)]),
    );
    return document;
  }

  /**
   * Sets the fields given and leaves the others; `null` removes an optional one. An object is replaced as a whole.
   * @throws AzoraError NOT_FOUND, VERSION_CONFLICT, VALIDATION_ERROR, DUPLICATE
   */
  update(id: string, patch: Partial<{ [K in keyof T]: T[K] | null }>, options: WriteOptions = {}): Stored<T> {
    const current = this.#current(id, options);
    for (const field of Object.keys(patch)) {
      if (field in SYSTEM_PATHS) throw wrong(field, patch[field as keyof T], "left to the store");
    }
    const valid = this.#model.validate({ ...fieldsOf(current), ...patch });
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

  /**
   * Rewrites every document, deleted ones too; for migrations, which is why it does not validate: what it writes may be
   * a form between two models. `undefined` leaves a document alone. Returns how many were written.
   */
  rewrite(rewrite: (fields: Record<string, unknown>) => Record<string, unknown> | undefined): number {
    let written = 0;
    this.#each((document) => {
      const fields = rewrite(fieldsOf(document));
      if (!fields) return;
      const { _id, version, createdAt, deletedAt } = document;
      this.#replace({ _id, ...(fields as T), version: version + 1, createdAt, updatedAt: this.#now(), deletedAt });
      written++;
    });
    return written;
  }

  /** @throws AzoraError VALIDATION_ERROR naming the first document, deleted or not, that does not fit the model */
  check(): void {
    this.#each((document) => {
      try {
        this.#model.validate(fieldsOf(document));
      } catch (error) {
        const { message, data } = error as AzoraError;
        throw new AzoraError("VALIDATION_ERROR", `document ${shown(document._id)} does not fit its model: ${message}`, {
          ...(data as object),
          id: document._id,
        });
      }
    });
  }

  /** SQLite's plan for a query: one line for each step. */
  explain(query: unknown, options: FindOptions = {}): string[] {
    const { where, params } = this.#where(query, options);
    const order = orderBy(parseSort(options.sort, this.#model.paths));
    const sql = `EXPLAIN QUERY PLAN SELECT doc FROM ${this.#model.table} WHERE ${where} ORDER BY ${order}`;
    return (this.#db.all(sql, params) as { detail: string }[]).map(({ detail }) => detail);
  }

  #each(visit: (document: Stored<T>) => void): void {
    const sql = `SELECT doc FROM ${this.#model.table} WHERE _id > ? ORDER BY _id LIMIT 500`;
    for (let last = ""; ; ) {
      const rows = this.#db.all(sql, [last]) as Row[];
      if (rows.length === 0) return;
      for (const row of rows) {
        const document = JSON.parse(row.doc) as Stored<T>;
        visit(document);
        last = document._id;
      }
    }
  }

  #where(query: unknown, { withDeleted }: Pick<FindOptions, "withDeleted">): CompiledQuery {
    const compiled = compileQuery(query, this.#model.paths);
    return withDeleted ? compiled : { ...compiled, where: `deletedAt IS NULL AND ${compiled.where}` };
  }

  /** `where` is the whole statement here. */
  #rows({ where: sql, params, predicates, hasPattern }: CompiledQuery): Stored<T>[] {
    const run = () => this.#db.all(sql, params, predicates) as Row[];
    return (hasPattern ? withinPatternBudget(run) : run()).map((row) => JSON.parse(row.doc) as Stored<T>);
  }

  #current(id: string, { version }: WriteOptions): Stored<T> {
    const current = this.get(id);
    const { name, requireVersion } = this.#model.model;
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
    this.#unique(document, () =>
      this.#db.run(`UPDATE ${this.#model.table} SET doc = ? WHERE _id = ?`, [toJson(document), document._id]),
    );
    return document;
  }

  #unique(document: Stored<T>, write: () => void): void {
    try {
      write();
    } catch (error) {
      const violated = violatedIndex(error);
      if (violated === undefined) throw error;
      const index = this.#model.indexes.find(({ name }) => name === violated);
      const fields = index?.fields ?? [violated];
      const values = Object.fromEntries(fields.map((path) => [path, valueAt(document, path)]));
      const named = Object.entries(values).map(([field, value]) => `${field} ${shown(value)}`);
      const errors = fields.map((field) => ({ field, value: values[field], allowed: "must be unique" }));
      throw new AzoraError("DUPLICATE", `${this.#model.model.name} with ${named.join(" and ")} exists already`, {
        collection: this.#model.model.name,
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
  return Object.fromEntries(Object.entries(document).filter(([field]) => !(field in SYSTEM_PATHS)));
}

/** Half a surrogate pair would come out of SQLite as something else than went in. */
function toJson(document: object): string {
  const json = JSON.stringify(document, (_, value: unknown) =>
    typeof value === "string" ? value.toWellFormed() : value,
  );
  if (json.length <= MAX_DOCUMENT) return json;
  throw wrong("document", `${json.length} characters of JSON`, `at most ${MAX_DOCUMENT} characters of JSON`);
}
