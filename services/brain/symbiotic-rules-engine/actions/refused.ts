/** An action that is not carried out, since it cannot end well now; nothing was changed. */
export class Refused extends Error {}

/** @throws Refused */
export function refuse(why: string): never {
  throw new Refused(why);
}
