/** What the rules lend to a node, or take from it, for a while. Shapes only. */

/** Calls that are refused so that others are answered. */
export interface Shedding {
  /** Full name; every service of the node where it is left out. */
  service?: string;
  /** Calls of this priority are refused, and all of lower ones. */
  priority: "high" | "medium" | "low";
  /** Of the calls of that priority itself, %. */
  share: number;
}

export interface Throttling {
  service?: string;
  /** Calls a second on this node. */
  rate: number;
}

/** Everything that a node is lent; it ends by itself when it is not said again within the lease. */
export interface Lending {
  /** Of the engine; the node refuses an older one than it knows. */
  epoch: number;
  /** ms */
  lease: number;
  /** Processor time against its neighbours, and room for calls and threads: more or less, %; 0 is as it was. */
  share: number;
  shed: Shedding[];
  throttle: Throttling[];
}

/** What a node has made of it. */
export interface LendingState {
  share: number;
  /** What was turned: `niceness -1`, `cpu.weight 120`. */
  turned: string[];
  /** What could not be, and why. */
  not: string[];
  /** Calls that were refused by shedding and throttling since the node began. */
  refused: number;
}
