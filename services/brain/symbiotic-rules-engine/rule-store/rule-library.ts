import type { RuleVersion } from "../../../../models/rule-version.model.ts";
import type { CompleteRule, RuleFault, RuleOrigin, SymbioticRule } from "../../../../models/rules.ts";
import { AzoraError, type ErrorCode } from "../../../../runtime/errors.ts";
import { nearest } from "../../../../runtime/nearest.ts";
import type { CheckedRules } from "../../../../runtime/rules/check-rules.ts";
import type { BookEntry, RuleBook } from "./rule-book.ts";
import type { RuleFiles } from "./rule-files.ts";

/** A rule with where it comes from. */
export interface LibraryRule {
  rule: CompleteRule;
  origin: RuleOrigin;
  /** Where it stands, or what it takes the place of. */
  file?: string;
  version: number;
}

export interface RuleChange {
  enabled?: boolean | undefined;
  mode?: "shadow" | "on" | undefined;
}

/** @param targets what actions may name; left out where a rule stays although its target has gone */
type Check = (input: unknown, targets?: readonly string[]) => CheckedRules;

/** All rules, from wherever they come: the API's word is before a file's, and a file's before what is built in. */
export class RuleLibrary {
  readonly #book: RuleBook;
  readonly #files: RuleFiles;
  readonly #check: Check;
  readonly #targets: () => readonly string[];
  #rules = new Map<string, LibraryRule>();
  #storeFaults: RuleFault[] = [];
  readonly #own: () => readonly string[];
  /** What is seen of the names in the rules, looked at anew where the rules or the names that there are have changed. */
  #names: { of: ReadonlyMap<string, LibraryRule>; there: string; seen: CheckedRules } | undefined;

  /**
   * @param targets what actions may name now; empty while nobody knows
   * @param own metrics that services publish
   */
  constructor(
    book: RuleBook,
    files: RuleFiles,
    check: Check,
    targets: () => readonly string[],
    own: () => readonly string[],
  ) {
    this.#book = book;
    this.#files = files;
    this.#check = check;
    this.#targets = targets;
    this.#own = own;
  }

  /** By id. */
  get rules(): ReadonlyMap<string, LibraryRule> {
    return this.#rules;
  }

  /** What is wrong with the newest texts, and what targets rules have that are not there. */
  get faults(): (RuleFault & { file?: string })[] {
    return [...this.#files.faults, ...this.#storeFaults, ...this.#seen().faults];
  }

  /** What is no fault of a rule, and most likely not meant so. */
  get warnings(): RuleFault[] {
    return this.#seen().warnings;
  }

  #seen(): CheckedRules {
    const targets = this.#targets();
    const there = `${targets.join()}\n${this.#own().join()}`;
    if (this.#names?.of !== this.#rules || this.#names.there !== there) {
      const all = [...this.#rules.values()].map(({ rule }) => rule);
      this.#names = { of: this.#rules, there, seen: this.#check(all, targets) };
    }
    return this.#names.seen;
  }

  /** Puts together anew what is known. */
  refresh(): void {
    const rules = new Map<string, LibraryRule>();
    const storeFaults: RuleFault[] = [];
    for (const { rule, origin, file } of this.#files.rules) {
      const entry = this.#book.entries.get(rule.id);
      const changed = entry && entry.rule === null ? overridden(rule, entry) : rule;
      rules.set(rule.id, { rule: changed, origin, file, version: entry?.version ?? 0 });
    }
    for (const [id, { rule, version }] of this.#book.entries) {
      if (rule === null) continue;
      const checked = this.#check([rule]);
      storeFaults.push(...checked.faults);
      const [complete] = checked.rules;
      const other = rules.get(id);
      if (complete)
        rules.set(id, { rule: complete, origin: "api", version, ...(other?.file ? { file: other.file } : {}) });
      if (other?.origin === "file") {
        const detail = `stands in ${other.file} too; the one that came through the API holds`;
        storeFaults.push({ rule: id, path: "id", detail });
      }
    }
    // Each source is within the bounds by itself; the sum may not be. Then it is what comes last here that goes.
    const inOrder = [...rules.values()].sort((one, other) => RANKS[one.origin] - RANKS[other.origin]);
    const bounded = this.#check(inOrder.map(({ rule }) => rule));
    const kept = new Set(bounded.rules.map(({ id }) => id));
    this.#rules = new Map([...rules].filter(([id]) => kept.has(id)));
    this.#storeFaults = [...storeFaults, ...bounded.faults];
  }

  /** @throws AzoraError NOT_FOUND with the nearest id */
  get(id: string): LibraryRule {
    const found = this.#rules.get(id);
    if (found) return found;
    const meant = nearest(id, this.#rules.keys());
    throw new AzoraError("NOT_FOUND", `There is no rule ${id}${meant ? `; did you mean ${meant}?` : ""}`, {
      id,
      nearest: meant,
    });
  }

  /**
   * Adds a rule, or puts another text in its place.
   * @throws AzoraError VALIDATION_ERROR with all faults; CONFLICT where it stands in a file
   */
  async put(rule: unknown, by: string): Promise<LibraryRule> {
    const { id } = this.checked(rule);
    const known = this.#rules.get(id);
    if (known?.origin === "file") {
      throw new AzoraError("CONFLICT", `${id} stands in ${known.file}; change it there, or give this one another id`, {
        id,
        file: known.file,
      });
    }
    const others = [...this.#rules.values()].map((one) => one.rule).filter((one) => one.id !== id);
    const beside = this.#check([...others, rule]);
    if (!beside.rules.some((one) => one.id === id)) throw refused(beside.faults);
    const change = this.#book.entries.get(id)?.rule ? "changed" : "added";
    await this.#book.write(id, { rule: rule as SymbioticRule, enabled: null, mode: null }, change, by);
    this.refresh();
    return this.get(id);
  }

  /**
   * Enables, disables, puts into shadow or takes out of it. What makes a rule quiet is done also where it cannot be stored: it
   * may be this rule that has filled the disk.
   * @throws AzoraError NOT_FOUND; STORE_UNAVAILABLE
   */
  async change(id: string, { enabled, mode }: RuleChange, by: string): Promise<LibraryRule> {
    const { rule } = this.get(id);
    const entry = this.#book.entries.get(id);
    const said = [enabled === undefined ? "" : enabled ? "enabled" : "disabled", mode ? `mode ${mode}` : ""].filter(
      Boolean,
    );
    const written: Omit<BookEntry, "version"> = entry?.rule
      ? {
          rule: { ...entry.rule, enabled: enabled ?? rule.enabled, mode: mode ?? rule.mode },
          enabled: null,
          mode: null,
        }
      : { rule: null, enabled: enabled ?? entry?.enabled ?? null, mode: mode ?? entry?.mode ?? null };
    try {
      await this.#book.write(id, written, said.join(", "), by);
    } catch (error) {
      if (enabled !== false && mode !== "shadow") throw error;
      this.#book.writeNot(id, written);
      this.refresh();
      const { type = "STORE_UNAVAILABLE", message } = error as { type?: ErrorCode; message: string };
      const detail = `${id} is ${said.join(", ")} now, but after a restart of the engine it is as before: ${message}`;
      throw new AzoraError(type, detail, { id });
    }
    this.refresh();
    return this.get(id);
  }

  /** Makes an older version the newest. @throws AzoraError NOT_FOUND, CONFLICT */
  async restore(id: string, number: number, by: string): Promise<LibraryRule> {
    const versions = await this.#book.versions(id);
    const version = versions.find((one) => one.number === number);
    if (!version?.rule) {
      const there = versions.filter(({ rule }) => rule !== null).map((one) => one.number);
      const detail = there.length > 0 ? `there are ${there.join(", ")}` : "it has none that could be restored";
      throw new AzoraError("NOT_FOUND", `${id} has no version ${number} with a text; ${detail}`, {
        id,
        version: number,
      });
    }
    this.checked(version.rule);
    if (this.#rules.get(id)?.origin === "file") return this.put(version.rule, by);
    await this.#book.write(id, { rule: version.rule, enabled: null, mode: null }, `restored from ${number}`, by);
    this.refresh();
    return this.get(id);
  }

  /**
   * @returns the rule that stands in a file under this id, and holds again
   * @throws AzoraError NOT_FOUND; CONFLICT where there is nothing of the API's to remove
   */
  async remove(id: string, by: string): Promise<LibraryRule | undefined> {
    const { origin, file } = this.get(id);
    if (!this.#book.entries.has(id)) {
      const detail =
        origin === "file" ? `stands in ${file}; remove it there, or disable it` : "is built in; disable it";
      throw new AzoraError("CONFLICT", `${id} ${detail}`, { id });
    }
    await this.#book.remove(id, by);
    this.refresh();
    return this.#rules.get(id);
  }

  versions(id: string): Promise<RuleVersion[]> {
    return this.#book.versions(id);
  }

  /** One complete rule. @throws AzoraError VALIDATION_ERROR with all faults */
  checked(rule: unknown): CompleteRule {
    const { rules, faults } = this.#check([rule], this.#targets());
    const [complete] = rules;
    if (complete && faults.length === 0) return complete;
    throw refused(faults);
  }
}

/** Whose rules stay where there are too many in all. */
const RANKS = { "built-in": 0, api: 1, file: 2 } as const;

function refused(faults: readonly RuleFault[]): AzoraError {
  return new AzoraError("VALIDATION_ERROR", faults.map(({ detail }) => detail).join("; "), {
    errors: faults.map(({ path, detail }) => ({ field: path, detail })),
  });
}

function overridden(rule: CompleteRule, { enabled, mode }: BookEntry): CompleteRule {
  return { ...rule, enabled: enabled ?? rule.enabled, mode: mode ?? rule.mode };
}
