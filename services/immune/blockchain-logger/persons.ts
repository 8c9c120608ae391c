import { AzoraError } from "../../../runtime/errors.ts";
import type { Chain } from "./chain.ts";
import type { QueryParams } from "./index/query-params.ts";

/** A question as people ask it: with names. */
export type NamedQuery = QueryParams & { subject?: string; actor?: string };

/**
 * The question with what stands in the log in place of names. Who acts on their own behalf stands there by their pseudonym,
 * too: their name beside it would tell whose it is, also after an erasure.
 * @param isSealed whether nobody must learn from the answer whose a pseudonym is
 * @returns nothing where no entry can fit
 * @throws AzoraError UNAUTHORIZED
 */
export function pseudonymous({ subjects }: Chain, query: NamedQuery, isSealed: boolean): QueryParams | undefined {
  const { subject, actor, ...rest } = query;
  if (isSealed && subject !== undefined && !subject.startsWith("subject:")) {
    throw new AzoraError("UNAUTHORIZED", "Only the operator's token finds a person by name; others by pseudonym");
  }
  const about = subject === undefined ? undefined : subjects.pseudonymOf(subject);
  if (subject !== undefined && about === undefined) return undefined;
  const own = actor === undefined || isSealed ? undefined : subjects.pseudonymOf(actor);
  return {
    ...rest,
    ...(about === undefined ? {} : { subject: about }),
    ...(actor === undefined ? {} : { actor: own === undefined ? actor : [actor, own] }),
  };
}
