/** The organism as seven systems, and its harmony. Shapes only. */

import type { Metric, System } from "./metrics.ts";

/** A value, and how old it is. Stale or missing ones are unknown: never zero. */
export interface Reading {
  value: number | null;
  /** Since it was measured, ms; null where it never was. */
  age: number | null;
}

export interface SystemState {
  system: System;
  /** Nodes that told something lately. */
  nodes: string[];
  metrics: Record<Metric, Reading>;
  /** What services publish themselves, as `<service>.<name>`. */
  own: Record<string, Reading>;
  /** False: this organism has no such system. Then nothing of it is known, and nothing is wrong with it. */
  present: boolean;
  /** 0 to 100, and of how much of it is known, 0 to 1. What is not known costs nothing: with confidence 0 health is 100. */
  health: number;
  confidence: number;
}

/** Calls from one system to another, a second. */
export interface Flow {
  from: System;
  to: System;
  rate: number;
  /** From the call to its answer: ms, mean. */
  latency: number;
  /** Of the latency, the time in which nobody worked on the call: ms, mean. Null where it is not known. */
  waiting?: number | null;
  /** Calls that broke or were not answered, %. */
  errorRate: number;
}

export interface OrganismState {
  /** ISO 8601 */
  at: string;
  systems: SystemState[];
  flows: Flow[];
  harmony: HarmonyScore;
}

export interface HarmonyScore {
  /** 0 to 100. */
  score: number;
  /** Share of what it is made of that is known, 0 to 1. */
  confidence: number;
  health: number;
  balance: number;
  flow: number;
}

/** What costs points. All costs together are 100 minus the score. */
export interface HarmonyCost {
  part: "health" | "balance" | "flow";
  system: System;
  metric: string;
  value: number;
  /** Points. */
  cost: number;
  why: string;
}

export interface HarmonyExplanation extends HarmonyScore {
  /** The greatest first. */
  costs: HarmonyCost[];
  /** What would give most back, in a sentence; null where nothing costs anything. */
  best: { system: System; metric: string; gain: number; how: string } | null;
  /** What is not known, as `brain.load`. */
  unknown: string[];
}

/** Recorded values, oldest first. */
export interface Stretch {
  /** ms between two rows. */
  step: number;
  /** As `brain.load`. */
  columns: string[];
  rows: {
    /** ms since the epoch. */ at: number /** In the order of the columns; null is unknown. */;
    values: (number | null)[];
  }[];
}
