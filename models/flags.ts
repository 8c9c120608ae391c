export type FlagValue = boolean | number | string;

/** `false` → boolean: what a flag may be, where it is said what it is otherwise. */
export type Widened<T extends FlagValue> = T extends boolean ? boolean : T extends number ? number : string;

/** Flags that rules have set, as a service on a node reads them. */
export interface FlagReader {
  /** The value of a flag; `otherwise` while no rule has set it, or to a value of another type. */
  get<T extends FlagValue>(flag: string, otherwise: T): Widened<T>;
  /** All that are set now. */
  all(): Record<string, FlagValue>;
}

/** Where a broker carries its node's flags: of modules there may be several copies, of a broker there is one. */
export const FLAGS = Symbol.for("azora.flags");
