import type { Truth } from "../../models/rule-results.ts";
import type { ReadCondition } from "./read-conditions.ts";

/** Conditions named in one sentence at most. */
const MOST_NAMED = 3;

/** Why the conditions are what they are: only those are named that decide it. */
export function conditionSentence(root: ReadCondition): string {
  const decisive = [...new Set(deciding(root, root.truth))];
  const named = decisive.slice(0, MOST_NAMED);
  const more = decisive.length - named.length;
  return `${named.join(root.truth === "false" ? ", and " : " and ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** What was found for the comparisons that make this condition what it is. */
function deciding(condition: ReadCondition, truth: Truth, negated = false): string[] {
  const { kind, parts, found } = condition;
  if (kind === "comparison") return [negated && truth === "true" ? `${found} (which it must not be)` : found];
  if (kind === "not") return deciding(parts[0]!, parts[0]!.truth, !negated);
  const same = parts.filter((part) => part.truth === truth);
  // One false part makes `all` false and one true part makes `any` true: the first is enough to say.
  const oneIsEnough = (kind === "all" && truth === "false") || (kind === "any" && truth === "true");
  return (oneIsEnough ? same.slice(0, 1) : same).flatMap((part) => deciding(part, truth, negated));
}
