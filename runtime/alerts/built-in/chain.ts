import type { AlertDefinition } from "../definition.ts";
import { KEEP, MINUTE, SECOND } from "./times.ts";

/** An auditor takes it that nobody could make these two silent unseen: a silence is on the list, and ends. */
const FIXED = "an auditor relies on it; azora alerts silence keeps it quiet for a while";

/** The audit chain. */
export const CHAIN_ALERTS: readonly AlertDefinition[] = [
  {
    id: "chain-broken",
    measures: "1 while the audit chain's log agrees with its keys and witnesses, else 0",
    range: { min: 0, max: 1 },
    bad: "below",
    levels: [{ severity: "critical", bound: 0, for: 0 }],
    keepFor: KEEP,
    fixed: FIXED,
    duringLaunch: true,
    query: "azora_chain_intact",
    summary: "the audit chain is not intact",
    advice: "azora chain verify",
  },
  {
    id: "chain-gaps",
    measures: "gaps that were found in the audit chain in the last hour",
    range: { min: 0, max: 100 },
    bad: "above",
    levels: [{ severity: "critical", bound: 1, for: 0 }],
    keepFor: KEEP,
    fixed: FIXED,
    duringLaunch: true,
    query: "azora_chain_recent_gaps",
    summary: "{{ $value }} gaps were found in the audit chain in the last hour",
    advice: "azora chain accounted",
  },
  {
    id: "chain-stalled",
    measures: "1 while the audit chain cannot write or sign, else 0",
    range: { min: 0, max: 1 },
    bad: "above",
    levels: [{ severity: "critical", bound: 1, for: 30 * SECOND }],
    keepFor: KEEP,
    duringLaunch: false,
    query: 'max(azora_chain_alarm{code="CHAIN_UNAVAILABLE"})',
    summary: "the audit chain cannot write",
    advice: "azora chain stats",
  },
  {
    id: "chain-unwitnessed",
    measures: "1 while no witness confirms the audit chain, else 0",
    range: { min: 0, max: 1 },
    bad: "above",
    levels: [{ severity: "warning", bound: 1, for: MINUTE }],
    keepFor: KEEP,
    duringLaunch: false,
    query: 'max(azora_chain_alarm{code="CHAIN_UNWITNESSED"})',
    summary: "no witness confirms the audit chain",
    advice: "azora chain stats",
  },
];
