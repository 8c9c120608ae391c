import type { HealingTarget } from "../../../models/healing.ts";
import type { Topology, TopologyNode, TopologyService } from "../../../models/topology.ts";
import type { Finding, Signs } from "./detection/finding.ts";

/** All that a decision is made on. */
export interface Situation {
  finding: Finding;
  signs: Signs;
  topology: Topology;
  service?: TopologyService | undefined;
  node?: TopologyNode | undefined;
  /** Actions that were tried for this illness lately and did not end it, with why. */
  tried: ReadonlyMap<string, string>;
  /** Time until an action may be carried out again, ms. */
  cooling(action: string, target: HealingTarget): number;
  /** Everything that is not as it should be now. */
  others: readonly Finding[];
  /** Where the healer itself lives. */
  self: { service: string; node: string };
}

/** What a remedy would cost. */
export interface Cost {
  /** Time without the service, ms. */
  time: number;
  /** Calls that fail for it. */
  calls: number;
}

/** A way out of a situation, or why it is none. */
export interface Candidate {
  action: string;
  target: HealingTarget;
  parameters: Record<string, unknown>;
  cost: Cost;
  /** Why it fits. */
  why: string;
  /** Why it is not to be taken; nothing where it may be. */
  whyNot?: string | undefined;
}
