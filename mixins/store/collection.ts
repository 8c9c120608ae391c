import type { Model, Stored } from "../../models/model.ts";
import type { DocumentReader, FindOptions, Page, PageOptions } from "./document-reader.ts";
import type { Documents, Patch, WriteOptions } from "./documents.ts";
import type { Transactions } from "./transaction.ts";

/** The documents of one model; each call is a transaction of its own. `Documents` says what each method does. */
export class Collection<T extends object> {
  readonly #model: Model<T>;
  readonly #transactions: Transactions;

  constructor(model: Model<T>, transactions: Transactions) {
    transactions.check(model);
    this.#model = model;
    this.#transactions = transactions;
  }

  get(id: string, options?: { withDeleted?: boolean }): Promise<Stored<T>> {
    return this.#read((documents) => documents.get(id, options));
  }

  findById(id: string): Promise<Stored<T> | undefined> {
    return this.#read((documents) => documents.findById(id));
  }

  findOne(query: unknown, options?: FindOptions): Promise<Stored<T> | undefined> {
    return this.#read((documents) => documents.findOne(query, options));
  }

  find(query?: unknown, options?: FindOptions): Promise<Stored<T>[]> {
    return this.#read((documents) => documents.find(query, options));
  }

  count(query?: unknown, options?: Pick<FindOptions, "withDeleted">): Promise<number> {
    return this.#read((documents) => documents.count(query, options));
  }

  page(options: PageOptions): Promise<Page<T>> {
    return this.#read((documents) => documents.page(options));
  }

  explain(query: unknown, options?: FindOptions): Promise<string[]> {
    return this.#read((documents) => documents.explain(query, options));
  }

  insert(fields: T & { _id?: string }): Promise<Stored<T>> {
    return this.#write((documents) => documents.insert(fields));
  }

  /** All of them, or none. */
  insertMany(all: readonly (T & { _id?: string })[]): Promise<Stored<T>[]> {
    return this.#write((documents) => all.map((fields) => documents.insert(fields)));
  }

  update(id: string, patch: Patch<T>, options?: WriteOptions): Promise<Stored<T>> {
    return this.#write((documents) => documents.update(id, patch, options));
  }

  remove(id: string, options?: WriteOptions): Promise<Stored<T>> {
    return this.#write((documents) => documents.remove(id, options));
  }

  restore(id: string): Promise<Stored<T>> {
    return this.#write((documents) => documents.restore(id));
  }

  #read<R>(work: (documents: DocumentReader<T>) => R): Promise<R> {
    return this.#transactions.read((tx) => work(tx.collection(this.#model))) as Promise<R>;
  }

  #write<R>(work: (documents: Documents<T>) => R): Promise<R> {
    return this.#transactions.write((tx) => work(tx.collection(this.#model))) as Promise<R>;
  }
}
