import type { Model, Stored } from "../../models/model.ts";
import { AzoraError } from "../../runtime/errors.ts";
import { type CompiledModel, compileModel } from "./compiled-model.ts";
import { decodeCursor, encodeCursor, listingId } from "./cursor.ts";
import type { DatabaseFile } from "./database-file.ts";
import { type CompiledQuery, compileQuery } from "./query.ts";
import { shown, wrong } from "./refusal.ts";
import { withinPatternBudget } from "./regex.ts";
import { after, orderBy, parseSort, type Sort, sortValues } from "./sort.ts";

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

interface Row {
  doc: string;
}

/** The documents of one model, for reading, inside a running transaction or snapshot. Every method is synchronous. */
export class DocumentReader<T extends object> {
  protected readonly db: DatabaseFile;
  protected readonly model: CompiledModel<T>;

  constructor(db: DatabaseFile, model: Model<T>) {
    this.db = db;
    this.model = compileModel(model);
  }

  /** @throws AzoraError NOT_FOUND */
  get(id: string, options: { withDeleted?: boolean } = {}): Stored<T> {
    const found = this.findById(id);
    if (found && (options.withDeleted || found.deletedAt === null)) return found;
    throw new AzoraError("NOT_FOUND", `There is no document ${shown(id)} in ${this.model.model.name}`, {
      collection: this.model.model.name,
      id,
    });
  }

  /** Also a deleted one. */
  findById(id: string): Stored<T> | undefined {
    const row = this.db.get(`SELECT doc FROM ${this.model.table} WHERE _id = ?`, [id]) as Row | undefined;
    return row && (JSON.parse(row.doc) as Stored<T>);
  }

  findOne(query: unknown, options: FindOptions = {}): Stored<T> | undefined {
    return this.find(query, { ...options, limit: 1 })[0];
  }

  find(query: unknown = {}, options: FindOptions = {}): Stored<T>[] {
    const { where, params, ...compiled } = this.#where(query, options);
    const order = orderBy(parseSort(options.sort, this.model.paths));
    const sql = `SELECT doc FROM ${this.model.table} WHERE ${where} ORDER BY ${order} LIMIT ? OFFSET ?`;
    return this.#rows({ ...compiled, where: sql, params: [...params, options.limit ?? -1, options.offset ?? 0] });
  }

  count(query: unknown = {}, options: Pick<FindOptions, "withDeleted"> = {}): number {
    const compiled = this.#where(query, options);
    const sql = `SELECT count(*) AS n FROM ${this.model.table} WHERE ${compiled.where}`;
    const run = () => this.db.get(sql, compiled.params, compiled.predicates) as { n: number };
    return (compiled.hasPattern ? withinPatternBudget(run) : run()).n;
  }

  /** One page, in an order in which no two documents are equal. */
  page(options: PageOptions): Page<T> {
    const { query = {}, pageSize, cursor, withDeleted = false } = options;
    if (cursor !== undefined && options.page !== undefined) throw wrong("cursor", cursor, "without page beside it");
    const keys = parseSort(options.sort, this.model.paths);
    const listing = listingId(this.model.model.name, query, keys, withDeleted);
    const page = options.page ?? 1;

    const compiled = this.#where(query, { withDeleted });
    let { where } = compiled;
    const params = [...compiled.params];
    if (cursor !== undefined) where += ` AND (${after(keys, decodeCursor(cursor, listing, keys.length), params)})`;
    const sql = `SELECT doc FROM ${this.model.table} WHERE ${where} ORDER BY ${orderBy(keys)} LIMIT ? OFFSET ?`;
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

  /** SQLite's plan for a query: one line for each step. */
  explain(query: unknown, options: FindOptions = {}): string[] {
    const { where, params } = this.#where(query, options);
    const order = orderBy(parseSort(options.sort, this.model.paths));
    const sql = `EXPLAIN QUERY PLAN SELECT doc FROM ${this.model.table} WHERE ${where} ORDER BY ${order}`;
    return (this.db.all(sql, params) as { detail: string }[]).map(({ detail }) => detail);
  }

  protected each(visit: (document: Stored<T>) => void): void {
    const sql = `SELECT doc FROM ${this.model.table} WHERE _id > ? ORDER BY _id LIMIT 500`;
    for (let last = ""; ; ) {
      const rows = this.db.all(sql, [last]) as Row[];
      if (rows.length === 0) return;
      for (const row of rows) {
        const document = JSON.parse(row.doc) as Stored<T>;
        visit(document);
        last = document._id;
      }
    }
  }

  #where(query: unknown, { withDeleted }: Pick<FindOptions, "withDeleted">): CompiledQuery {
    const compiled = compileQuery(query, this.model.paths);
    return withDeleted ? compiled : { ...compiled, where: `deletedAt IS NULL AND ${compiled.where}` };
  }

  /** `where` is the whole statement here. */
  #rows({ where: sql, params, predicates, hasPattern }: CompiledQuery): Stored<T>[] {
    const run = () => this.db.all(sql, params, predicates) as Row[];
    return (hasPattern ? withinPatternBudget(run) : run()).map((row) => JSON.parse(row.doc) as Stored<T>);
  }
}
