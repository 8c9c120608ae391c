import type { Model } from "../../models/model.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { DatabaseFile } from "./database-file.ts";
import type { DocumentReader } from "./document-reader.ts";
import { Documents } from "./documents.ts";

/** What a transaction's function gets: the collections of the service's file, inside the transaction. */
export interface Transaction {
  collection<T extends object>(model: Model<T>): Documents<T>;
}

/** What a snapshot's function gets: the same for reading. */
export interface Snapshot {
  collection<T extends object>(model: Model<T>): DocumentReader<T>;
}

/** A result that is not a promise: a transaction's function is synchronous. */
export type Synchronous<T> = T extends PromiseLike<unknown> ? never : T;

/** Opens transactions over the declared collections of one file. */
export class Transactions {
  readonly #db: DatabaseFile;
  readonly #models: ReadonlySet<object>;
  readonly #clock: Clock;

  constructor(db: DatabaseFile, models: readonly object[], clock: Clock) {
    this.#db = db;
    this.#models = new Set(models);
    this.#clock = clock;
  }

  write<T>(work: (tx: Transaction) => T): Promise<Synchronous<T>> {
    return this.#db.write(() => this.inside(work)) as Promise<Synchronous<T>>;
  }

  read<T>(work: (tx: Snapshot) => T): Promise<Synchronous<T>> {
    return this.#db.read(() => this.inside(work)) as Promise<Synchronous<T>>;
  }

  /** For migrations, which are in a transaction already. */
  inside<T>(work: (tx: Transaction) => T): T {
    let over = false;
    const tx: Transaction = {
      collection: (model) => {
        if (over) throw new Error("The transaction is over; its tx cannot be used any more");
        this.check(model);
        return new Documents(this.#db, model, this.#clock);
      },
    };
    try {
      return work(tx);
    } finally {
      over = true;
    }
  }

  /** @throws Error when the store was not told of the model */
  check(model: { name: string }): void {
    if (!this.#models.has(model)) {
      throw new Error(`${model.name} is not a collection of this store; name its model in store(…, { collections })`);
    }
  }
}
