import type { StoreMethods } from "../../../../mixins/store/store.ts";
import type { Detection, HealingRecord } from "../../../../models/healing.ts";
import { type HealingCase, healingCaseModel } from "../../../../models/healing-case.model.ts";
import type { Stored } from "../../../../models/model.ts";
import { CaseBook, type NotedCase } from "./case-book.ts";

export interface CaseQuery {
  service?: string;
  node?: string;
  failure?: string;
  outcome?: string;
  limit: number;
}

export interface CaseMemoryOptions {
  store: StoreMethods;
  /** Cases that are kept; the oldest go. @default 10_000 */
  kept?: number;
}

const PRUNE_EVERY = 100;

/** Cases, in the store and, while they are open, in memory. A store that fails is told, and holds up no healing. */
export class CaseMemory {
  readonly book = new CaseBook();
  readonly #store: StoreMethods;
  readonly #kept: number;
  #last: Promise<void> = Promise.resolve();
  #written = 0;
  /** Why the newest changes are not stored; nothing where they are. */
  failure: string | undefined;

  constructor({ store, kept = 10_000 }: CaseMemoryOptions) {
    this.#store = store;
    this.#kept = kept;
  }

  /** Takes open cases of a former life over. */
  async load(): Promise<void> {
    const open = await this.#collection().find({ outcome: "open" }, { sort: "opened", limit: 1000 });
    for (const one of open) this.book.adopt(noted(one));
  }

  detected(detection: Detection, error?: string): Promise<void> {
    return this.#inTurn(() => void this.book.detected(detection, error));
  }

  /** Enters an act; its case may have been closed or forgotten by this process. Says whether it was news. */
  async recorded(record: HealingRecord): Promise<boolean> {
    let isNew = true;
    await this.#inTurn(async () => {
      const id = record.case ?? record.id;
      if (!this.book.get(id)) {
        const stored = await this.#collection().findById(id);
        isNew = !stored?.acts.some((act) => act.id === record.id);
        if (!isNew) return;
        if (stored && stored.outcome !== "open") this.book.adopt({ ...noted(stored), outcome: "open" });
        else if (stored) this.book.adopt(noted(stored));
      } else {
        isNew = !this.book.get(id)!.acts.some((act) => act.id === record.id);
      }
      this.book.acted(record);
    });
    return isNew;
  }

  /** Stores what has changed. */
  flush(): Promise<void> {
    return this.#inTurn(async () => {
      // Where nothing waits to be stored, a look says whether the store works again.
      if (this.failure !== undefined) await this.#collection().count({ outcome: "open" });
    });
  }

  async get(id: string): Promise<NotedCase | undefined> {
    const open = this.book.get(id);
    if (open) return open;
    const stored = await this.#collection().findById(id);
    return stored && noted(stored);
  }

  /** Newest first. */
  find({ limit, ...query }: CaseQuery): Promise<NotedCase[]> {
    return this.#find(query, limit);
  }

  /** Cases of a service or a node, newest first. */
  of(name: string, limit: number): Promise<NotedCase[]> {
    return this.#find({ $or: [{ service: name }, { node: name }] }, limit);
  }

  async #find(query: object, limit: number): Promise<NotedCase[]> {
    const found = await this.#collection().find(query, { sort: "-opened", limit });
    return found.map((one) => this.book.get(one._id) ?? noted(one));
  }

  /** One after the other, so that acts of one case come in their order; then what has changed is stored. */
  #inTurn(work: () => void | Promise<void>): Promise<void> {
    const turn = this.#last.then(async () => {
      try {
        await work();
        await this.#write();
        this.failure = undefined;
      } catch (error) {
        this.failure = (error as Error).message;
      }
    });
    this.#last = turn;
    return turn;
  }

  async #write(): Promise<void> {
    const changed = this.book.takeChanged();
    if (changed.length === 0) return;
    try {
      await this.#put(changed);
    } catch (error) {
      if (isRefusal(error)) await this.#writeSingly(changed);
      else {
        this.book.putBack(changed);
        throw error;
      }
    }
    if (this.#written >= PRUNE_EVERY) await this.prune();
  }

  /** One that the store will never take must not keep all others out. */
  async #writeSingly(changed: readonly NotedCase[]): Promise<void> {
    let failure: unknown;
    for (const one of changed) {
      try {
        await this.#put([one]);
      } catch (error) {
        if (!isRefusal(error)) this.book.putBack([one]);
        failure = error;
      }
    }
    if (failure) throw failure;
  }

  #put(cases: readonly NotedCase[]): Promise<void> {
    return this.#store.transaction((tx) => {
      const documents = tx.collection(healingCaseModel);
      for (const { id, ...fields } of cases) {
        if (documents.findById(id)) documents.update(id, fields);
        else {
          documents.insert({ ...fields, _id: id });
          this.#written++;
        }
      }
    });
  }

  /** Erases the oldest cases beyond what is kept. */
  async prune(): Promise<number> {
    this.#written = 0;
    return this.#store.transaction((tx) => {
      const documents = tx.collection(healingCaseModel);
      const surplus = documents.count() - this.#kept;
      if (surplus <= 0) return 0;
      const oldest = documents.find({ outcome: { $ne: "open" } }, { sort: "opened", limit: surplus });
      documents.erase(oldest.map(({ _id }) => _id));
      return oldest.length;
    });
  }

  #collection() {
    return this.#store.collection(healingCaseModel);
  }
}

/** The document itself is what is wrong: no later try would help. */
function isRefusal(error: unknown): boolean {
  return (error as { type?: string }).type === "VALIDATION_ERROR" || error instanceof TypeError;
}

function noted({
  _id,
  version: _version,
  createdAt: _made,
  updatedAt: _changed,
  deletedAt: _deleted,
  ...fields
}: Stored<HealingCase>): NotedCase {
  return { id: _id, ...fields };
}
