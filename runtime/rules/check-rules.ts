import type { CompleteRule, RuleFault } from "../../models/rules.ts";
import { checkRule } from "./check-rule.ts";
import { Faults } from "./faults.ts";
import { isFields } from "./fields.ts";
import { LONGEST_ID, MOST_COMPARISONS_IN_ALL, MOST_FAULTS, MOST_RULES } from "./limits.ts";

/** Names that are not in the language itself. */
export interface KnownNames {
  /** Own metrics seen so far, as `heart.user-management.signups`: suggested, never demanded, since they come later. */
  own: readonly string[];
  /** Services and nodes that an action may name; empty: not known, and every well-formed name will do. */
  targets: readonly string[];
}

export interface CheckedRules {
  /** Those without a fault, in the order in which they came. */
  rules: CompleteRule[];
  /** Everything that is wrong with the others. */
  faults: RuleFault[];
  /** What is no fault, and most likely not meant so: own metrics that nobody publishes, beside one with a name that is near. */
  warnings: RuleFault[];
}

const TOO_MANY_COMPARISONS = `conditions have more comparisons than there is room for: all rules together have at most ${MOST_COMPARISONS_IN_ALL}`;

/**
 * Reads one rule, a list, or `{rules: [...]}`. All faults are told at once, and one bad rule does not stop the others. Never
 * throws.
 */
export function checkRules(input: unknown, known: KnownNames = { own: [], targets: [] }): CheckedRules {
  const list = listOf(input);
  const faults: RuleFault[] = [];
  if (!list) {
    const whole = new Faults("rules");
    whole.wrong("rules", input, "a rule, a list of rules, or {rules: [...]}");
    return { rules: [], faults: whole.list, warnings: [] };
  }
  const warnings: RuleFault[] = [];
  const rules = new Map<string, CompleteRule>();
  let untold = 0;
  let comparisons = 0;
  for (const [i, one] of list.slice(0, MOST_RULES).entries()) {
    const found = new Faults(nameOf(one, i));
    const tally = { comparisons: 0 };
    const rule = isFields(one) ? checkRule(found, one, known, tally) : found.wrong("", one, "an object");
    const tooMany = comparisons + tally.comparisons > MOST_COMPARISONS_IN_ALL;
    if (rule && rules.has(rule.id)) found.add("id", `id is "${rule.id}", which another rule before it has`);
    else if (rule && tooMany) found.add("conditions", TOO_MANY_COMPARISONS);
    else if (rule) {
      rules.set(rule.id, rule);
      comparisons += tally.comparisons;
    }
    const room = MOST_FAULTS - faults.length;
    faults.push(...found.list.slice(0, room));
    untold += Math.max(0, found.list.length - room);
    warnings.push(...found.warnings.slice(0, MOST_FAULTS - warnings.length));
  }
  if (list.length > MOST_RULES) {
    faults.push({
      rule: "rules",
      path: "rules",
      detail: `there are ${list.length} rules, but at most ${MOST_RULES} may be`,
    });
  }
  if (untold > 0) faults.push({ rule: "rules", path: "rules", detail: `there are ${untold} more faults` });
  return { rules: [...rules.values()], faults, warnings };
}

function listOf(input: unknown): unknown[] | undefined {
  if (Array.isArray(input)) return input;
  if (!isFields(input)) return undefined;
  if (!("rules" in input)) return [input];
  return Array.isArray(input["rules"]) ? input["rules"] : undefined;
}

function nameOf(rule: unknown, index: number): string {
  const id = isFields(rule) ? rule["id"] : undefined;
  return typeof id === "string" && id !== "" ? id.slice(0, LONGEST_ID) : `rule ${index + 1}`;
}
