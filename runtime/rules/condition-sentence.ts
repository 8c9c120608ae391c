import type { Truth } from "../../models/symbiosis.ts";
import type { ReadCondition } from "./read-conditions.ts";

/** Conditions named in one sentence at most. */
const MOST_NAMED = 3;

/** Why the conditions are what they are: only those are named that decide it. */
export function conditionSentence(root: ReadCondition): string {
  const decisive = deciding(root, root.truth);
  const named = decisive.slice(0, MOST_NAMED).map(({ found, under }) => (under ? `${found} ${under}` : found));
  const more = decisive.length - named.length;
  return `${named.join(root.truth === "false" ? ", and " : " and ")}${more > 0 ? ` and ${more} more` : ""}`;
}

interface Decisive {
  found: string;
  /** How a `not` around it turns it. */
  under: string;
}

/** The comparisons that make this condition what it is. */
function deciding(condition: ReadCondition, truth: Truth, negated = false): Decisive[] {
  const { kind, parts } = condition;
  if (kind === "comparison") return [{ found: condition.found, under: negated ? turnedBy(truth) : "" }];
  if (kind === "not") return deciding(parts[0]!, parts[0]!.truth, !negated);
  const same = parts.filter((part) => part.truth === truth);
  // One false part makes `all` false and one true part makes `any` true: the first is enough to say.
  const oneIsEnough = (kind === "all" && truth === "false") || (kind === "any" && truth === "true");
  return (oneIsEnough ? same.slice(0, 1) : same).flatMap((part) => deciding(part, truth, negated));
}

function turnedBy(truth: Truth): string {
  return truth === "true" ? "(which it must not be)" : truth === "false" ? "(as it must be)" : "";
}
