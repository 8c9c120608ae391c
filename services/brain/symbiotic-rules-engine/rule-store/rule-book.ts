import type { StoreMethods } from "../../../../mixins/store/store.ts";
import { type RuleVersion, ruleVersionModel } from "../../../../models/rule-version.model.ts";
import type { SymbioticRule } from "../../../../models/rules.ts";
import { type StoredRule, symbioticRuleModel } from "../../../../models/symbiotic-rule.model.ts";

/** A rule of the API, or what the API has changed of a file's one. */
export interface BookEntry {
  rule: SymbioticRule | null;
  enabled: boolean | null;
  mode: "shadow" | "on" | null;
  /** Number of its newest version. */
  version: number;
}

type Written = Omit<BookEntry, "version">;

/** Versions that are kept of one rule, and of all. */
const KEPT_OF_ONE = 50;
const KEPT_IN_ALL = 20_000;
const LIMIT = 1000;

/** What the API has said of rules, in the store: each change is a version, and each version can be had back. */
export class RuleBook {
  readonly #store: StoreMethods;
  readonly #wall: () => number;
  #entries = new Map<string, BookEntry>();

  constructor(store: StoreMethods, wall: () => number) {
    this.#store = store;
    this.#wall = wall;
  }

  /** By the rule's id. */
  get entries(): ReadonlyMap<string, BookEntry> {
    return this.#entries;
  }

  async open(): Promise<void> {
    const entries = new Map<string, BookEntry>();
    await this.#store.snapshot((tx) => {
      const versions = tx.collection(ruleVersionModel);
      for (let after = ""; ; ) {
        const some = tx.collection(symbioticRuleModel).find({ _id: { $gt: after } }, { sort: "_id", limit: LIMIT });
        for (const { _id, rule, enabled, mode } of some) {
          const [newest] = versions.find({ ruleId: _id }, { sort: "-number", limit: 1 });
          entries.set(_id, { rule, enabled, mode, version: newest?.number ?? 0 });
        }
        if (some.length < LIMIT) break;
        after = some.at(-1)!._id;
      }
    });
    this.#entries = entries;
  }

  /** Writes what a rule is from now on. `change` says in a word or two what was done. */
  async write(id: string, written: Written, change: string, by: string): Promise<BookEntry> {
    const number = await this.#transact(id, written, { rule: written.rule, change, by });
    const entry = { ...written, version: number };
    this.#entries.set(id, entry);
    return entry;
  }

  /** What a rule is from now on, for as long as this process lives. */
  writeNot(id: string, written: Written): void {
    this.#entries.set(id, { ...written, version: this.#entries.get(id)?.version ?? 0 });
  }

  /** What the API has said of the rule ends; its versions stay. */
  async remove(id: string, by: string): Promise<void> {
    await this.#transact(id, undefined, { rule: null, change: "removed", by });
    this.#entries.delete(id);
  }

  /** Newest first. */
  async versions(id: string): Promise<RuleVersion[]> {
    const found = await this.#store
      .collection(ruleVersionModel)
      .find({ ruleId: id }, { sort: "-number", limit: KEPT_OF_ONE });
    return found.map(({ ruleId, number, rule, change, by, at }) => ({ ruleId, number, rule, change, by, at }));
  }

  #transact(id: string, written: Written | undefined, version: Pick<RuleVersion, "rule" | "change" | "by">) {
    const at = new Date(this.#wall()).toISOString();
    return this.#store.transaction((tx) => {
      const rules = tx.collection(symbioticRuleModel);
      const fields: StoredRule | undefined = written && { ...written, by: version.by };
      if (!fields) rules.erase([id]);
      else if (rules.findById(id)) rules.update(id, fields);
      else rules.insert({ ...fields, _id: id });
      const versions = tx.collection(ruleVersionModel);
      const [newest] = versions.find({ ruleId: id }, { sort: "-number", limit: 1 });
      const number = (newest?.number ?? 0) + 1;
      versions.insert({ ruleId: id, number, at, ...version });
      const old = versions.find({ ruleId: id, number: { $lte: number - KEPT_OF_ONE } }, { limit: LIMIT });
      versions.erase(old.map(({ _id }) => _id));
      const surplus = versions.count() - KEPT_IN_ALL;
      if (surplus > 0) {
        const oldest = versions.find({ number: { $gt: 0 } }, { sort: "_id", limit: Math.min(LIMIT, surplus) });
        versions.erase(oldest.map(({ _id }) => _id));
      }
      return number;
    });
  }
}
