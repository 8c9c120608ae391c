import type { AlertDefinition } from "../definition.ts";
import { KEEP, MINUTE, SECOND } from "./times.ts";

/** The seven systems, by what they are measured to be. */
export const SYSTEM_ALERTS: readonly AlertDefinition[] = [
  {
    id: "system-degraded",
    measures: "health of a system, 0 to 100",
    range: { min: 0, max: 100 },
    bad: "below",
    levels: [
      { severity: "warning", bound: 60, clear: 70, for: MINUTE },
      { severity: "critical", bound: 30, clear: 40, for: 30 * SECOND },
    ],
    keepFor: KEEP,
    duringLaunch: false,
    query: "azora_system_health",
    summary: "health of {{ $labels.system }} is {{ $value }}",
    advice: "azora organism",
  },
  {
    id: "system-errors",
    measures: "share of a system's calls that fail by its own fault, 0 to 1",
    range: { min: 0, max: 1 },
    bad: "above",
    levels: [
      { severity: "warning", bound: 0.05, clear: 0.03, for: MINUTE },
      { severity: "critical", bound: 0.5, clear: 0.3, for: 30 * SECOND },
    ],
    keepFor: KEEP,
    duringLaunch: false,
    query: "azora_system_error_ratio",
    summary: "{{ $value | humanizePercentage }} of the calls to {{ $labels.system }} fail",
    advice: "azora optimizer metrics",
  },
  {
    id: "system-saturated",
    measures: "places of a system in use, or its calls refused, 0 to 1",
    range: { min: 0, max: 1 },
    bad: "above",
    levels: [
      { severity: "warning", bound: 0.9, clear: 0.8, for: MINUTE },
      { severity: "critical", bound: 0.99, clear: 0.9, for: 30 * SECOND },
    ],
    keepFor: KEEP,
    duringLaunch: false,
    query: "azora_system_saturation_ratio",
    summary: "{{ $value | humanizePercentage }} of the places of {{ $labels.system }} are taken",
    advice: "azora scale <organ> <nodes>",
  },
];
