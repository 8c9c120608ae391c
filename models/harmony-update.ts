/** How harmony is told once a second, and called in words. Shapes only. */

import type { System } from "./metrics.ts";
import type { HarmonyCost, HarmonyScore } from "./organism-state.ts";

/** The event `organism.harmony` and, on the orchestrator's stream, the data of `harmony_update`. */
export interface HarmonyUpdate extends HarmonyScore {
  /** ISO 8601 */
  at: string;
  systems: {
    system: System;
    /** False: this organism has no such system. */
    present: boolean;
    /** 0 to 100; what is not known costs nothing. */
    health: number;
    /** How much of it is known, 0 to 1. */
    confidence: number;
    /** %; null where it is not known. */
    load: number | null;
  }[];
  /** The three greatest. */
  costs: HarmonyCost[];
  /** Ids of the rules that are active. */
  firing: string[];
}

export interface HarmonyBand {
  /** It begins here, points; the score is rounded first, so that the word fits the number that is shown. */
  least: number;
  words: string;
  tone: "good" | "warn" | "bad";
}

/** The best first. */
export const HARMONY_BANDS: readonly HarmonyBand[] = [
  { least: 80, words: "in harmony", tone: "good" },
  { least: 60, words: "strained", tone: "warn" },
  { least: 0, words: "out of balance", tone: "bad" },
];

/** Where less than this share is known, the score is called a guess. */
export const LEAST_CONFIDENCE = 0.5;
