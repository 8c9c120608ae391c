import type { StoreMethods } from "../../../../mixins/store/store.ts";
import type { Stored } from "../../../../models/model.ts";
import type { OptimizationRecord } from "../../../../models/performance.ts";
import { type QueryOptimization, queryOptimizationModel } from "../../../../models/query-optimization.model.ts";

/** A record with what its knob undoes it by. */
export interface Entry extends OptimizationRecord {
  actions: string[];
  undoing: Record<string, unknown>;
  fleeting: boolean;
}

/** Records that are kept; of those with a verdict the oldest go, those still in force last. */
const KEPT = 10_000;
const PRUNE_EVERY = 100;
const LONGEST_SENTENCE = 2000;

/** Every change that was made, in the store: what is not there was not done. */
export class Book {
  readonly #store: StoreMethods;
  #written = 0;

  constructor(store: StoreMethods) {
    this.#store = store;
  }

  async put(entry: Entry): Promise<void> {
    const { id, ...fields } = brief(entry);
    await this.#store.transaction((tx) => {
      const documents = tx.collection(queryOptimizationModel);
      if (documents.findById(id)) documents.update(id, fields);
      else documents.insert({ ...fields, _id: id });
    });
    if (++this.#written % PRUNE_EVERY === 0) await this.prune();
  }

  async get(id: string): Promise<Entry | undefined> {
    const found = await this.#collection().findById(id);
    return found && entryOf(found);
  }

  /** Newest first, without what is only for undoing. */
  async newest(limit: number): Promise<OptimizationRecord[]> {
    const found = await this.#collection().find({}, { sort: "-at", limit });
    return found.map((one) => recordOf(entryOf(one)));
  }

  async measuring(): Promise<Entry[]> {
    return (await this.#collection().find({ status: "measuring" }, { sort: "at", limit: 1000 })).map(entryOf);
  }

  /** Changes that were kept and end with their node's process. */
  async fleetingOf(node: string): Promise<Entry[]> {
    const found = await this.#collection().find({ status: "kept", node, fleeting: true }, { sort: "at", limit: 1000 });
    return found.map(entryOf);
  }

  /** Of one service, newest first. */
  async of(service: string, limit: number): Promise<Entry[]> {
    return (await this.#collection().find({ service }, { sort: "-at", limit })).map(entryOf);
  }

  async prune(kept: number = KEPT): Promise<number> {
    return this.#store.transaction((tx) => {
      const documents = tx.collection(queryOptimizationModel);
      const surplus = documents.count() - kept;
      if (surplus <= 0) return 0;
      const over = documents.find(
        { status: { $in: ["taken-back", "failed", "inconclusive"] } },
        { sort: "at", limit: Math.min(1000, surplus) },
      );
      const inForce = documents.find({ status: "kept" }, { sort: "at", limit: Math.max(0, surplus - over.length) });
      const old = over.length >= surplus ? over : [...over, ...inForce];
      documents.erase(old.map(({ _id }) => _id));
      return old.length;
    });
  }

  #collection() {
    return this.#store.collection(queryOptimizationModel);
  }
}

export function recordOf({ actions: _of, undoing: _by, fleeting: _is, ...record }: Entry): OptimizationRecord {
  return record;
}

function brief(entry: Entry): Entry {
  const { change, reason, outcome, actions } = entry;
  return {
    ...entry,
    change: cut(change),
    reason: cut(reason),
    actions: actions.slice(0, 1000),
    ...(outcome === undefined ? {} : { outcome: cut(outcome) }),
  };
}

const cut = (text: string) => (text.length > LONGEST_SENTENCE ? `${text.slice(0, LONGEST_SENTENCE - 1)}…` : text);

function entryOf({
  _id,
  version: _version,
  createdAt: _made,
  updatedAt: _changed,
  deletedAt: _deleted,
  ...fields
}: Stored<QueryOptimization>): Entry {
  return { id: _id, ...fields };
}
