import type { AlertGroup } from "../../../../../models/alerts.ts";
import { SYSTEMS } from "../../../../../models/metrics.ts";
import type { ScoreTrail } from "../score-trail.ts";
import type { Situation } from "../situation.ts";

/** One thing that was measured for one definition. */
export interface Observation {
  subject: string;
  group: AlertGroup;
  /** Null is unknown. */
  value: number | null;
  /** What it means, in one sentence. */
  says(): string;
}

/** What is known besides the situation of the moment. */
export interface Memory {
  scores: ScoreTrail;
  channels: readonly { channel: string; failing: boolean; why: string }[];
}

/** `complete`: what is not named is no part of the organism any more. */
export interface Seen {
  complete: boolean;
  of: Observation[];
}

export type Observe = (situation: Situation, memory: Memory) => Seen;

/** Not known. */
export const NOTHING: Seen = { complete: false, of: [] };

/** By the id of a definition. */
export type Observations = Readonly<Record<string, Observe>>;

/** Below this share of what is known a figure says nothing. */
export const ENOUGH_KNOWN = 0.5;

export function groupOf(system: string): AlertGroup {
  return SYSTEMS.find((one) => one === system) ?? "organism";
}

/** All that there is of its kind. */
export function one(observation: Observation): Seen {
  return { complete: true, of: [observation] };
}

export function finite(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null;
}
