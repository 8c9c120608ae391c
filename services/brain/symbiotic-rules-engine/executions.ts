import type { StoreMethods } from "../../../mixins/store/store.ts";
import { ruleExecutionModel } from "../../../models/rule-execution.model.ts";
import type { ExecutionResult } from "../../../models/rule-results.ts";
import { WriteTurns } from "./write-turns.ts";

/** Of the oldest the surplus goes. */
const KEPT = 10_000;
const PRUNE_EVERY = 100;
/** Results that are not stored yet and are shown all the same. */
const IN_MEMORY = 1000;
/** Results among which some may not have their verdict yet. */
const WATCHED = 1000;
/** Results that are read at one time where all are. */
const PAGE = 200;
const ENDED = { verdict: "unknown" as const, why: "the engine ended while it watched" };

/** What rules did, in the store; the newest are shown even where the store is full. */
export class Executions {
  /** Why the newest ones are not stored; nothing where they are. */
  failure: string | undefined;
  readonly #store: StoreMethods;
  /** By id, newest last. */
  readonly #unstored = new Map<string, ExecutionResult>();
  readonly #turns = new WriteTurns(() => this.#write());
  #written = 0;

  constructor(store: StoreMethods) {
    this.#store = store;
  }

  /** After a start: effects that the engine before was still watching are not known any more. */
  async open(): Promise<void> {
    const newest = await this.newest(WATCHED);
    const isWatching = ({ actions }: ExecutionResult) => actions.some(({ effect }) => effect?.verdict === "watching");
    await Promise.all(
      newest.filter(isWatching).map((result) =>
        this.keep({
          ...result,
          actions: result.actions.map((action) =>
            action.effect?.verdict === "watching" ? { ...action, effect: { ...action.effect, ...ENDED } } : action,
          ),
        }),
      ),
    );
  }

  /**
   * Puts a result down; a later one with the same id takes its place. What comes while something is written is written
   * together, so that many rules at once cost few writes. Never rejects: what the store did not take is tried again with the
   * next one.
   */
  keep(result: ExecutionResult): Promise<void> {
    this.#unstored.delete(result.id);
    this.#unstored.set(result.id, result);
    if (this.#unstored.size > IN_MEMORY) this.#unstored.delete(this.#unstored.keys().next().value!);
    return this.#turns.take();
  }

  /** Tries again what the store did not take. */
  async again(): Promise<void> {
    if (this.#unstored.size > 0) await this.#turns.take();
  }

  async #write(): Promise<void> {
    const results = [...this.#unstored.values()];
    try {
      await this.#store.transaction((tx) => {
        const documents = tx.collection(ruleExecutionModel);
        for (const result of results) {
          const { id, rule, at } = result;
          if (documents.findById(id)) documents.update(id, { result });
          else documents.insert({ _id: id, rule, at, result });
        }
      });
      for (const result of results) if (this.#unstored.get(result.id) === result) this.#unstored.delete(result.id);
      this.failure = undefined;
      const before = this.#written;
      this.#written += results.length;
      const isDue = Math.floor(this.#written / PRUNE_EVERY) > Math.floor(before / PRUNE_EVERY);
      if (isDue) await this.#prune();
    } catch (error) {
      this.failure = (error as Error).message;
    }
  }

  /** Newest first. */
  async newest(limit: number, rule?: string): Promise<ExecutionResult[]> {
    const query = rule === undefined ? {} : { rule };
    const stored = await this.#store.collection(ruleExecutionModel).find(query, { sort: "-at", limit });
    const others = [...this.#unstored.values()].filter((one) => rule === undefined || one.rule === rule);
    const ids = new Set(others.map(({ id }) => id));
    return [...others, ...stored.filter(({ _id }) => !ids.has(_id)).map(({ result }) => result)]
      .sort((one, other) => (one.at < other.at ? 1 : -1))
      .slice(0, limit);
  }

  /** When rules last fired, by themselves or by hand, ISO 8601; of those whose executions are still kept. */
  async lastFirings(): Promise<Map<string, string>> {
    const last = new Map<string, string>();
    const documents = this.#store.collection(ruleExecutionModel);
    for (let offset = 0; ; offset += PAGE) {
      const some = await documents.find({}, { sort: "-at", limit: PAGE, offset });
      for (const { rule, at, result } of some)
        if (result.why.result !== "did not fire" && !last.has(rule)) last.set(rule, at);
      if (some.length < PAGE) return last;
    }
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
