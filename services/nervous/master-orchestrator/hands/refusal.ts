import { AzoraError } from "../../../../runtime/errors.ts";

/** Refuses an action that cannot end well here. */
export function refuse(why: string): never {
  throw new AzoraError("HEALING_REFUSED", why);
}
