import type { Stored } from "../../models/model.ts";
import { AzoraError } from "../../runtime/errors.ts";
import type { Collection } from "./collection.ts";
import { isPlain } from "./operands.ts";
import { shown } from "./refusal.ts";
import type { Sort } from "./sort.ts";

interface Filters {
  query?: unknown;
  sort?: Sort;
  limit?: number;
  offset?: number;
  withDeleted?: boolean;
  search?: unknown;
}

/** What moleculer-db asks of a database, answered by a collection. */
export class SqliteAdapter<T extends object> {
  readonly #collection: () => Collection<T>;

  constructor(collection: () => Collection<T>) {
    this.#collection = collection;
  }

  find({ query, search, ...options }: Filters = {}): Promise<Stored<T>[]> {
    refuseSearch(search);
    return this.#collection().find(query, options);
  }

  findOne(query: unknown): Promise<Stored<T> | undefined> {
    return this.#collection().findOne(query);
  }

  findById(id: string): Promise<Stored<T>> {
    return this.#collection().get(id);
  }

  /** In the order of the ids; those that are not there are left out. */
  async findByIds(ids: string[]): Promise<Stored<T>[]> {
    const found = await this.#collection().find({ _id: { $in: ids } });
    const byId = new Map(found.map((document) => [document._id, document]));
    return ids.flatMap((id) => byId.get(id) ?? []);
  }

  count({ query, search, withDeleted = false }: Filters = {}): Promise<number> {
    refuseSearch(search);
    return this.#collection().count(query, { withDeleted });
  }

  insert(entity: T): Promise<Stored<T>> {
    return this.#collection().insert(entity);
  }

  insertMany(entities: T[]): Promise<Stored<T>[]> {
    return this.#collection().insertMany(entities);
  }

  /** moleculer-db says `{$set: {…}}`; a `version` in it is the one that the caller has read. */
  updateById(id: string, update: { $set: Partial<T> & { version?: number | null } }): Promise<Stored<T>> {
    const operator = Object.keys(update).find((key) => key !== "$set");
    if (operator || !isPlain(update.$set)) {
      throw new AzoraError(
        "UNSUPPORTED_QUERY",
        `${operator ?? shown(update)} is not supported in an update; only $set is`,
      );
    }
    const { version, ...patch } = update.$set;
    return this.#collection().update(id, patch as Partial<T>, version ? { version } : {});
  }

  removeById(id: string): Promise<Stored<T>> {
    return this.#collection().remove(id);
  }

  entityToObject(entity: Stored<T>): Stored<T> {
    return entity;
  }

  beforeSaveTransformID(entity: T): T {
    return entity;
  }

  afterRetrieveTransformID(entity: Stored<T>): Stored<T> {
    return entity;
  }
}

function refuseSearch(search: unknown): void {
  if (search === undefined) return;
  throw new AzoraError("UNSUPPORTED_QUERY", "search is not supported; use a query with $regex", { operator: "search" });
}
