import type { AlertDefinition } from "../definition.ts";
import { HEALED, KEEP, MINUTE, SECOND } from "./times.ts";

/** Services, by the health that the orchestrator tells and by their restarts. */
export const SERVICE_ALERTS: readonly AlertDefinition[] = [
  {
    id: "critical-service-failed",
    measures: "health of a service of priority critical: 1 healthy, 0.5 degraded, 0 failed",
    range: { min: 0, max: 1 },
    bad: "below",
    levels: [{ severity: "critical", bound: 0, for: HEALED }],
    keepFor: KEEP,
    duringLaunch: false,
    query: 'azora_service_health_ratio{priority="critical"}',
    summary: "{{ $labels.service }} has failed",
    advice: "azora why <service>",
  },
  {
    id: "service-failed",
    measures: "health of a service of another priority: 1 healthy, 0.5 degraded, 0 failed",
    range: { min: 0, max: 1 },
    bad: "below",
    levels: [{ severity: "warning", bound: 0, for: 30 * SECOND }],
    keepFor: KEEP,
    duringLaunch: false,
    query: 'azora_service_health_ratio{priority!="critical"}',
    summary: "{{ $labels.service }} has failed",
    advice: "azora why <service>",
  },
  {
    id: "service-degraded",
    measures: "1 where a service is degraded, else 0",
    range: { min: 0, max: 1 },
    bad: "above",
    levels: [{ severity: "warning", bound: 1, for: MINUTE }],
    keepFor: KEEP,
    duringLaunch: false,
    query: "(azora_service_health_ratio == bool 0.5)",
    summary: "{{ $labels.service }} is degraded",
    advice: "azora why <service>",
  },
  {
    id: "service-flapping",
    measures: "restarts of a service in the last 10 minutes",
    range: { min: 0, max: 100 },
    bad: "above",
    levels: [
      { severity: "warning", bound: 3, for: 0 },
      { severity: "critical", bound: 10, for: 0 },
    ],
    keepFor: MINUTE,
    duringLaunch: false,
    query: "azora_service_recent_restarts",
    summary: "{{ $labels.service }} was restarted {{ $value }} times in 10 minutes",
    advice: "azora why <service>",
  },
];
