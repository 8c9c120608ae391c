import type { AlertDefinition } from "../definition.ts";
import { MINUTE } from "./times.ts";

/** Whether alerts arrive. */
export const DELIVERY_ALERTS: readonly AlertDefinition[] = [
  {
    id: "alerts-undelivered",
    measures: "1 while a receiver of alerts does not take them, else 0",
    range: { min: 0, max: 1 },
    bad: "above",
    levels: [{ severity: "warning", bound: 1, for: 5 * MINUTE }],
    keepFor: 0,
    duringLaunch: true,
    query: "azora_alert_channel_failing",
    summary: "alerts do not arrive by {{ $labels.channel }}",
    advice: "the log of the brain's node says why",
  },
];
