import type { RuleAction } from "../../../../../models/rules.ts";
import type { Topology } from "../../../../../models/topology.ts";
import type { Holdings } from "../holdings.ts";
import type { ActionPorts } from "../ports.ts";
import type { RecentValues } from "../recent-values.ts";
import type { Target } from "../targets.ts";

/** Longest time of one act, and of taking it back, ms. */
export const LONGEST_ACT_MS = 100_000;

/** All that an act is decided on. */
export interface Situation {
  action: RuleAction;
  parameters: Readonly<Record<string, unknown>>;
  target: Target;
  topology: Topology;
  rule: string;
  /** One sentence: why the rule fired. */
  why: string;
  /** Held while its rule is active, or for a time where a person asked for it. */
  by: "rules" | "operator";
  now: number;
  ports: ActionPorts;
  values: RecentValues;
  holdings: Holdings;
}

/** What an act is going to do. Nothing is changed before it is carried out. */
export interface Plan {
  /** As `gives brain 20 % more processor time`. */
  what: string;
  /** Which way the lever goes, where what is asked for does not say that: seen from what it is now. */
  direction?: 1 | -1;
  /** There is nothing to do: it is so already. */
  isThere?: true;
  /** @returns what was seen @throws what stood in the way */
  carryOut(): Promise<string>;
  /** Takes back what `carryOut` has done. Absent where that cannot be done. */
  undo?(): Promise<void>;
}

/** @throws Refused where it cannot end well now */
export type Act = (situation: Situation) => Plan | Promise<Plan>;
