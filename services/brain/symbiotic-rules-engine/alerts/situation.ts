import type { OrganismState } from "../../../../models/organism-state.ts";

/**
 * All that alerts are judged by, once a second. A list is complete or null: what is missing from a complete list is no
 * part of the organism any more, while null, for a list or a value, means that it is not known. Nothing is resolved by
 * not being known.
 */
export interface Situation {
  /** While the organism is launched, or `false`. Services that are not up then are no alert. */
  launching: boolean;
  /** Null before the first vitals. */
  state: OrganismState | null;
  services: ServiceFacts[] | null;
  /** Those that should be there, by the topology; not those that happen to report. */
  nodes: NodeFacts[] | null;
  chain: ChainFacts;
  /** Ids of the rules that are active; absent or null while rules are not judged. */
  activeRules?: ReadonlySet<string> | null;
}

export interface ServiceFacts {
  name: string;
  /** The organ it runs in. */
  system: string;
  /** As the orchestrator tells it: healthy, degraded, unhealthy, timeout, quarantined, starting, waiting, stopped. */
  status: string;
  /** critical, high, medium or low */
  priority: string;
  /** One sentence. */
  why?: string;
  /** In the last 10 minutes; null where it is not known. */
  restarts: number | null;
}

export interface NodeFacts {
  node: string;
  system: string;
  /** up, down, hung, starting or stopping. */
  status: string;
  /** bytes */
  heap: { used: number; limit: number } | null;
  /** Open file descriptors and how many may be; a limit of 0 is none. */
  files: { open: number; limit: number } | null;
  /** Of the disk of the data folder, bytes. */
  disk: { free: number; total: number } | null;
  /** Pools and limits. */
  places: { name: string; inUse: number; max: number; waiting: number }[] | null;
}

export interface ChainFacts {
  /** False: entries were altered, or the log was set back. */
  intact: boolean | null;
  /** What is wrong with it, as `blockchain-logger.stats` tells: null where it does not answer. */
  alarms: { code: string; why: string }[] | null;
  /** What the accounts have found missing in the last hour, in words. */
  gaps: string[];
}
