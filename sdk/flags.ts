import { FLAGS, type FlagReader, type FlagValue, type Widened } from "../models/flags.ts";

export type { FlagReader, FlagValue };

/** Where no rules are: none is set. */
const NO_FLAGS: FlagReader = {
  get: <T extends FlagValue>(_flag: string, otherwise: T) => otherwise as unknown as Widened<T>,
  all: () => ({}),
};

/**
 * Flags that rules have set, for a service of your own: `flagsOf(this.broker).get("short-answers", false)`. It asks nobody and
 * costs nothing worth counting. Outside an organism, as in a unit test, no flag is set.
 */
export function flagsOf(broker: object): FlagReader {
  return (broker as { [FLAGS]?: FlagReader })[FLAGS] ?? NO_FLAGS;
}
