import type { StoreMethods } from "../../../mixins/store/store.ts";
import type { ExecutionResult } from "../../../models/symbiosis.ts";
import { ruleExecutionModel } from "../../../models/symbiotic-rule.model.ts";

/** Of the oldest the surplus goes. */
const KEPT = 10_000;
const PRUNE_EVERY = 100;
/** Results that could not be stored and are shown all the same. */
const IN_MEMORY = 100;

/** What rules did, in the store; the newest are shown even where the store is full. */
export class Executions {
  /** Why the newest one is not stored; nothing where it is. */
  failure: string | undefined;
  readonly #store: StoreMethods;
  /** Newest last. */
  #unstored: ExecutionResult[] = [];
  #written = 0;

  constructor(store: StoreMethods) {
    this.#store = store;
  }

  /** Puts a result down; a later one with the same id takes its place. */
  async keep(result: ExecutionResult): Promise<void> {
    this.#unstored = [...this.#unstored.filter(({ id }) => id !== result.id), result].slice(-IN_MEMORY);
    const { id, rule, at } = result;
    try {
      await this.#store.transaction((tx) => {
        const documents = tx.collection(ruleExecutionModel);
        if (documents.findById(id)) documents.update(id, { result });
        else documents.insert({ _id: id, rule, at, result });
      });
      this.#unstored = this.#unstored.filter((one) => one !== result);
      this.failure = undefined;
      if (++this.#written % PRUNE_EVERY === 0) await this.#prune();
    } catch (error) {
      this.failure = (error as Error).message;
    }
  }

  /** Newest first. */
  async newest(limit: number, rule?: string): Promise<ExecutionResult[]> {
    const query = rule === undefined ? {} : { rule };
    const stored = await this.#store.collection(ruleExecutionModel).find(query, { sort: "-at", limit });
    const others = this.#unstored.filter((one) => rule === undefined || one.rule === rule);
    const ids = new Set(others.map(({ id }) => id));
    return [...others, ...stored.filter(({ _id }) => !ids.has(_id)).map(({ result }) => result)]
      .sort((one, other) => (one.at < other.at ? 1 : -1))
      .slice(0, limit);
  }

  #prune(): Promise<void> {
    return this.#store.transaction((tx) => {
      const documents = tx.collection(ruleExecutionModel);
      const surplus = documents.count() - KEPT;
      if (surplus <= 0) return;
      documents.erase(documents.find({}, { sort: "at", limit: Math.min(1000, surplus) }).map(({ _id }) => _id));
    });
  }
}
