/** Something that can be turned to make a service faster. */
export interface Knob {
  /** As `index`, `cache-budget`: the `kind` of its records. */
  kind: string;
  /** Changes that are worth a try now, best first; only such as are safe, and can be undone. */
  propose(service: string): Promise<Proposal[]>;
  /**
   * The change of a record whose proposal is lost, because this process is a new one. Undoing twice, or undoing what was
   * never applied, must do no harm.
   */
  revive(service: string, node: string | undefined, undoing: Undoing): Pick<Proposal, "apply" | "undo">;
}

/** All that is needed to do and to undo a change, as JSON. It is stored before the change is made. */
export type Undoing = Record<string, unknown>;

export interface Proposal {
  /** What will be done, in one sentence. */
  change: string;
  reason: string;
  /** Only this node is changed, and only its calls are compared. */
  node?: string;
  /** Full names of the actions whose latency shall fall, as `shop.find`. */
  actions: string[];
  /** Full names of actions that may become slower by it, as those that write. */
  costs?: string[];
  /** Share of their time, 0 to 1. */
  expectedGain: number;
  undoing: Undoing;
  /**
   * Lives no longer than the node's process, as a size in memory does: it is made again when the node comes back.
   * @default false
   */
  fleeting?: boolean;
  apply(): Promise<void>;
  undo(): Promise<void>;
}
