import type { CompleteRule, RuleOrigin } from "../../../../models/rules.ts";
import type { CheckedRules } from "../../../../runtime/rules/check-rules.ts";
import { type WatchedFolder, WatchedFolders } from "../watched-folders.ts";

export interface RuleFolder extends WatchedFolder {
  origin: Exclude<RuleOrigin, "api">;
  /** All of its rules only say what they would do. */
  mode?: "shadow";
}

/** A rule that stands in a file. */
export interface FileRule {
  rule: CompleteRule;
  origin: Exclude<RuleOrigin, "api">;
  /** As `rules/lunch.json`. */
  file: string;
}

/** bytes */
const LARGEST = 4 * 2 ** 20;

/** Rules in the folders' `*.json` files: one rule, a list of them, or `{ rules: [...] }`. */
export class RuleFiles extends WatchedFolders<CompleteRule, RuleFolder> {
  constructor(folders: readonly RuleFolder[], check: (input: unknown) => CheckedRules) {
    const checked = (input: unknown) => {
      const { rules, faults } = check(input);
      return { found: rules, faults };
    };
    super(folders, checked, LARGEST);
  }

  get rules(): FileRule[] {
    return this.found.map(({ one, folder: { mode, origin }, file }) => ({
      rule: mode ? { ...one, mode } : one,
      origin,
      file,
    }));
  }
}
