import type { Model, Stored } from "../../models/model.ts";
import { AzoraError } from "../../runtime/errors.ts";
import { type CompiledModel, compileModel } from "./compiled-model.ts";
import { decodeCursor, encodeCursor, listingId } from "./cursor.ts";
import type { DatabaseFile } from "./database-file.ts";
import type { Asked } from "./queries/asked.ts";
import { type CompiledQuery, compileQuery, hasAlternatives } from "./query.ts";
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
    const sql = `SELECT doc FROM ${this.model.table} WHERE _id = ?`;
    const row = this.db.get(sql, [id], undefined, this.model.asked.get) as Row | undefined;
    return row && (JSON.parse(row.doc) as Stored<T>);
  }

  findOne(query: unknown, options: FindOptions = {}): Stored<T> | undefined {
    return this.find(query, { ...options, limit: 1 })[0];
  }

  find(query: unknown = {}, options: FindOptions = {}): Stored<T>[] {
    const sort = parseSort(options.sort, this.model.paths);
    const { limit, offset } = options;
    const limited = limit !== undefined || offset !== undefined;
    const tail = `ORDER BY ${orderBy(sort)}${limited ? " LIMIT ? OFFSET ?" : ""}`;
    const asked = this.#asked("find", { sort, limited, living: !options.withDeleted });
    return this.#rows(query, asked, tail, limited ? [limit ?? -1, offset ?? 0] : []);
  }

  count(query: unknown = {}, options: Pick<FindOptions, "withDeleted"> = {}): number {
    const asked = this.#asked("count", { living: !options.withDeleted });
    const select = (where: string) => `SELECT count(*) AS n FROM ${this.model.table} WHERE ${where}`;
    const { sql, params, predicates, hasPattern } = this.#statement(query, asked, select);
    const run = () => this.db.get(sql, params, predicates, asked) as { n: number };
    return (hasPattern ? withinPatternBudget(run) : run()).n;
  }

  /** One page, in an order in which no two documents are equal. */
  page(options: PageOptions): Page<T> {
    const { query = {}, pageSize, cursor, withDeleted = false } = options;
    if (cursor !== undefined && options.page !== undefined) throw wrong("cursor", cursor, "without page beside it");
    const sort = parseSort(options.sort, this.model.paths);
    const listing = listingId(this.model.model.name, query, sort, withDeleted);
    const page = options.page ?? 1;

    const params: (string | number)[] = [];
    let tail = `ORDER BY ${orderBy(sort)} LIMIT ? OFFSET ?`;
    if (cursor !== undefined) tail = `AND (${after(sort, decodeCursor(cursor, listing, sort.length), params)}) ${tail}`;
    // One more than asked for tells whether there is a next page.
    params.push(pageSize + 1, cursor === undefined ? (page - 1) * pageSize : 0);
    const asked = this.#asked("page", { sort, limited: true, living: !withDeleted, goesOn: cursor !== undefined });
    const rows = this.#rows(query, asked, tail, params);
    const more = rows.length > pageSize;
    if (more) rows.pop();

    const nextCursor = more ? encodeCursor(listing, sortValues(sort, rows.at(-1)!)) : null;
    if (cursor !== undefined) return { rows, pageSize, nextCursor };
    const total = this.count(query, { withDeleted });
    return { rows, pageSize, nextCursor, page, total, totalPages: Math.ceil(total / pageSize) };
  }

  /** SQLite's plan for a query: one line for each step. */
  explain(query: unknown, options: FindOptions = {}): string[] {
    const order = orderBy(parseSort(options.sort, this.model.paths));
    const { where, params } = compileQuery(query, this.model.paths, { living: !options.withDeleted });
    const sql = `EXPLAIN QUERY PLAN SELECT doc FROM ${this.model.table} WHERE ${where} ORDER BY ${order}`;
    return (this.db.all(sql, params) as { detail: string }[]).map(({ detail }) => detail);
  }

  protected each(visit: (document: Stored<T>) => void): void {
    const sql = `SELECT doc FROM ${this.model.table} WHERE _id > ? ORDER BY _id LIMIT 500`;
    for (let last = ""; ; ) {
      const rows = this.db.all(sql, [last], undefined, this.model.asked.each) as Row[];
      if (rows.length === 0) return;
      for (const row of rows) {
        const document = JSON.parse(row.doc) as Stored<T>;
        visit(document);
        last = document._id;
      }
    }
  }

  #asked(kind: Asked["kind"], rest: Partial<Asked>): Asked {
    return { collection: this.model.model.name, kind, paths: this.model.paths, ...rest };
  }

  /** The statement for a query, in its other form where that is in use; completes what is told of it for measuring. */
  #statement(query: unknown, asked: Asked, select: (where: string) => string): CompiledQuery & { sql: string } {
    const { paths, table } = this.model;
    const living = asked.living ?? false;
    let compiled = compileQuery(query, paths, { living });
    asked.condition = compiled.condition;
    asked.opaque = compiled.predicates.length > 0;
    if (hasAlternatives(compiled.condition, paths)) {
      asked.otherwise = () => select(compileQuery(query, paths, { living, union: table }).where);
      if (this.db.isRewritten(asked)) compiled = compileQuery(query, paths, { living, union: table });
    }
    return { ...compiled, sql: select(compiled.where) };
  }

  #rows(query: unknown, asked: Asked, tail: string, more: (string | number)[]): Stored<T>[] {
    const select = (where: string) => `SELECT doc FROM ${this.model.table} WHERE ${where} ${tail}`;
    const { sql, params, predicates, hasPattern } = this.#statement(query, asked, select);
    const run = () => this.db.all(sql, more.length > 0 ? [...params, ...more] : params, predicates, asked) as Row[];
    return (hasPattern ? withinPatternBudget(run) : run()).map((row) => JSON.parse(row.doc) as Stored<T>);
  }
}
