import type { StoreMethods } from "../../../mixins/store/store.ts";
import type { RuleVersion } from "../../../models/rule-version.model.ts";
import type { RuleView } from "../../../models/rule-view.ts";
import type { CompleteRule, RuleFault } from "../../../models/rules.ts";
import { type CheckedRules, checkRules } from "../../../runtime/rules/check-rules.ts";
import { RuleBook } from "./rule-store/rule-book.ts";
import { RuleFiles, type RuleFolder } from "./rule-store/rule-files.ts";
import { type LibraryRule, type RuleChange, RuleLibrary } from "./rule-store/rule-library.ts";

export interface RuleDeskOptions {
  store: StoreMethods;
  folders: readonly RuleFolder[];
  wall: () => number;
  /** What an action may name; empty while nobody knows. */
  targets(): readonly string[];
  /** Own metrics that have been published, as `heart.user-management.signups`. */
  own(): readonly string[];
  /** Called with all rules whenever they have changed. */
  changed(rules: CompleteRule[], faults: readonly RuleFault[]): void;
}

/** The rules of an organism: read from files and store, checked, changed, shown. */
export class RuleDesk {
  readonly #options: RuleDeskOptions;
  readonly #book: RuleBook;
  readonly #files: RuleFiles;
  readonly #library: RuleLibrary;
  #reading: Promise<void> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: RuleDeskOptions) {
    this.#options = options;
    const check = (input: unknown, targets: readonly string[] = []) =>
      checkRules(input, { own: options.own(), targets });
    this.#book = new RuleBook(options.store, options.wall);
    this.#files = new RuleFiles(options.folders, check);
    this.#library = new RuleLibrary(this.#book, this.#files, check, options.targets, options.own);
  }

  get faults(): (RuleFault & { file?: string })[] {
    return this.#library.faults;
  }

  /** What is no fault of a rule, and most likely not meant so. */
  warnings(id: string): RuleFault[] {
    return this.#library.warnings.filter(({ rule }) => rule === id);
  }

  get(id: string): LibraryRule {
    return this.#library.get(id);
  }

  all(): CompleteRule[] {
    return [...this.#library.rules.values()].map(({ rule }) => rule);
  }

  /** Without those that come with Azora. */
  own(): CompleteRule[] {
    return [...this.#library.rules.values()].filter(({ origin }) => origin !== "built-in").map(({ rule }) => rule);
  }

  async open(): Promise<void> {
    await this.#book.open();
    await this.#files.read();
    this.#refresh();
  }

  /** Takes in what has changed in the files. */
  look(): Promise<void> {
    this.#reading ??= this.#files
      .read()
      .then((isOther) => {
        if (isOther) this.#refresh();
      })
      .finally(() => {
        this.#reading = undefined;
      });
    return this.#reading;
  }

  /** @param lives what the evaluator knows of each */
  views(lives: (id: string) => Pick<RuleView, "active" | "lastFired">): RuleView[] {
    const faults = Map.groupBy(this.faults, ({ rule }) => rule);
    const warnings = Map.groupBy(this.#library.warnings, ({ rule }) => rule);
    return [...this.#library.rules.values()]
      .map(({ rule, origin, file, version }) => ({
        ...rule,
        origin,
        ...(file === undefined ? {} : { file }),
        version,
        ...lives(rule.id),
        faults: (faults.get(rule.id) ?? []).map(({ path, detail }) => ({ rule: rule.id, path, detail })),
        warnings: warnings.get(rule.id) ?? [],
      }))
      .sort((one, other) => other.priority - one.priority || (one.id < other.id ? -1 : 1));
  }

  versions(id: string): Promise<RuleVersion[]> {
    return this.#library.versions(id);
  }

  /** What is wrong with rules by themselves. */
  check(input: unknown): CheckedRules {
    const { own, targets } = this.#options;
    return checkRules(input, { own: own(), targets: targets() });
  }

  put(rule: unknown, by: string): Promise<LibraryRule> {
    return this.#inTurn(() => this.#library.put(rule, by));
  }

  change(id: string, change: RuleChange, by: string): Promise<LibraryRule> {
    return this.#inTurn(() => this.#library.change(id, change, by));
  }

  restore(id: string, version: number, by: string): Promise<LibraryRule> {
    return this.#inTurn(() => this.#library.restore(id, version, by));
  }

  remove(id: string, by: string): Promise<LibraryRule | undefined> {
    return this.#inTurn(() => this.#library.remove(id, by));
  }

  /** One complete rule: a known one by its id, or one that is given. @throws AzoraError NOT_FOUND, VALIDATION_ERROR */
  complete(rule: object | string): CompleteRule {
    return typeof rule === "string" ? this.get(rule).rule : this.#library.checked(rule);
  }

  /** Changes come one after the other, so that none is made of what another one is just changing. */
  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    // Also where it failed: a rule is made quiet even if that cannot be stored.
    const changed = this.#last.then(change).finally(() => this.#told());
    this.#last = changed.catch(() => {});
    return changed;
  }

  #refresh(): void {
    this.#library.refresh();
    this.#told();
  }

  #told(): void {
    this.#options.changed(this.all(), this.faults);
  }
}
