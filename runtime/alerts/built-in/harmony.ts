import type { AlertDefinition } from "../definition.ts";
import { KEEP, MINUTE, SECOND } from "./times.ts";

/** Harmony, and how much of it is known. */
export const HARMONY_ALERTS: readonly AlertDefinition[] = [
  {
    id: "harmony-low",
    measures: "harmony, 0 to 100",
    range: { min: 0, max: 100 },
    bad: "below",
    levels: [
      // The bands of docs/organism.md: below 80 it is strained, below 60 out of balance.
      { severity: "warning", bound: 79, clear: 82, for: 30 * SECOND },
      { severity: "critical", bound: 59, clear: 65, for: 30 * SECOND },
    ],
    keepFor: KEEP,
    duringLaunch: false,
    query: "azora_harmony_score",
    summary: "harmony is {{ $value }}",
    advice: "azora organism",
  },
  {
    id: "harmony-dropped",
    measures: "points that harmony lies below its mean of the 5 minutes before the last one",
    range: { min: 0, max: 100 },
    bad: "above",
    levels: [{ severity: "warning", bound: 25, clear: 15, for: 10 * SECOND }],
    keepFor: KEEP,
    duringLaunch: false,
    query: "(avg_over_time(azora_harmony_score[5m] offset 1m) - azora_harmony_score)",
    summary: "harmony has dropped by {{ $value }} points",
    advice: "azora organism",
  },
  {
    id: "harmony-unknown",
    measures: "share of what harmony is made of that is known, 0 to 1",
    range: { min: 0, max: 1 },
    bad: "below",
    levels: [{ severity: "warning", bound: 0.5, clear: 0.6, for: MINUTE }],
    keepFor: KEEP,
    duringLaunch: false,
    query: "azora_harmony_confidence",
    summary: "only {{ $value | humanizePercentage }} of what harmony is made of is known",
    advice: "azora status: which nodes do not report?",
  },
];
