import type { Severity } from "../../models/alerts.ts";

/** From when on something is an alert of one severity. */
export interface AlertLevel {
  severity: Severity;
  /** Value from which it holds. */
  bound: number;
  /** Once it holds, it goes on holding until this is passed (hysteresis). @default the bound */
  clear?: number;
  /** How long it must be seen to hold, ms. What is not known does not count, neither way. */
  for: number;
}

/** What is an alert. The engine and Prometheus' rules are both made from it. */
export interface AlertDefinition {
  id: string;
  /** What is measured, with its unit. */
  measures: string;
  /** `above`: a value at or above the bound is bad. */
  bad: "above" | "below";
  /**
   * The least severe first. A more severe one takes no longer than the one before, and no longer than `keepFor`: Prometheus'
   * rules exclude each other, and neither would fire meanwhile.
   */
  levels: readonly AlertLevel[];
  /** How long it must be seen to have ended, ms. */
  keepFor: number;
  /** Also while the organism is launched. */
  duringLaunch: boolean;
  /** The same in PromQL, without the bound: the engine's own families and those of docs/vitals.md. */
  query: string;
  /** In Prometheus' template language. */
  summary: string;
  /** The first thing to do. */
  advice: string;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
/** Mends itself in less where it can: the healer's first remedies take some hundred ms. */
const HEALED = 10 * SECOND;
const KEEP = 30 * SECOND;

export const ALERT_DEFINITIONS: readonly AlertDefinition[] = [
  {
    id: "critical-service-failed",
    measures: "health of a service of priority critical: 1 healthy, 0.5 degraded, 0 failed",
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
  {
    id: "node-down",
    measures: "1 where a node is up, 0 where it is down or hung",
    bad: "below",
    levels: [{ severity: "critical", bound: 0, for: 15 * SECOND }],
    keepFor: KEEP,
    duringLaunch: false,
    query: "azora_node_up",
    summary: "{{ $labels.node }} is down",
    advice: "azora status",
  },
  {
    id: "system-degraded",
    measures: "health of a system, 0 to 100",
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
  {
    id: "places-exhausted",
    measures: "places of a node's pool in use while others wait for one, 0 to 1",
    bad: "above",
    levels: [{ severity: "warning", bound: 1, for: 30 * SECOND }],
    keepFor: KEEP,
    duringLaunch: false,
    query: '(azora_pool_in_use{kind!~"bus|memory"} / (azora_pool_max > 0) * (azora_pool_waiting > bool 0))',
    summary: "all places of {{ $labels.pool }} on {{ $labels.node }} are taken, and others wait",
    advice: "azora optimizer pools",
  },
  {
    id: "memory-exhausted",
    measures: "heap in use of what it may grow to, 0 to 1",
    bad: "above",
    levels: [
      { severity: "warning", bound: 0.85, clear: 0.8, for: MINUTE },
      { severity: "critical", bound: 0.95, clear: 0.9, for: 15 * SECOND },
    ],
    keepFor: KEEP,
    duringLaunch: true,
    query: "(azora_node_heap_used_bytes / azora_heap_limit_bytes)",
    summary: "{{ $labels.node }} uses {{ $value | humanizePercentage }} of its heap",
    advice: "azora optimizer memory",
  },
  {
    id: "files-exhausted",
    measures: "file descriptors open of those that may be, 0 to 1",
    bad: "above",
    levels: [
      { severity: "warning", bound: 0.8, clear: 0.75, for: 30 * SECOND },
      { severity: "critical", bound: 0.95, clear: 0.9, for: 10 * SECOND },
    ],
    keepFor: KEEP,
    duringLaunch: true,
    query: "(azora_open_files / (azora_open_files_limit > 0))",
    summary: "{{ $labels.node }} has {{ $value | humanizePercentage }} of its file descriptors open",
    advice: "a higher limit (ulimit -n), or a service that closes what it opens",
  },
  {
    id: "disk-exhausted",
    measures: "what is free of the disk of the data folder, 0 to 1",
    bad: "below",
    levels: [
      { severity: "warning", bound: 0.1, clear: 0.12, for: MINUTE },
      { severity: "critical", bound: 0.03, clear: 0.05, for: 10 * SECOND },
    ],
    keepFor: KEEP,
    duringLaunch: true,
    // Nodes of one machine have one disk: `heart-1` is of this one, `heart-1@other` of another.
    query:
      'min by (host) (label_replace(azora_disk_free_bytes / (azora_disk_total_bytes > 0), "host", "$1", "node", ".*@(.*)"))',
    summary:
      "{{ $value | humanizePercentage }} of the data folder's disk is free{{ with $labels.host }} on {{ . }}{{ end }}",
    advice: "make room: logs, old backups, data/profiles",
  },
  {
    id: "chain-broken",
    measures: "1 while the audit chain's log agrees with its keys and witnesses, else 0",
    bad: "below",
    levels: [{ severity: "critical", bound: 0, for: 0 }],
    keepFor: KEEP,
    duringLaunch: true,
    query: "azora_chain_intact",
    summary: "the audit chain is not intact",
    advice: "azora chain verify",
  },
  {
    id: "chain-gaps",
    measures: "gaps that were found in the audit chain in the last hour",
    bad: "above",
    levels: [{ severity: "critical", bound: 1, for: 0 }],
    keepFor: KEEP,
    duringLaunch: true,
    query: "azora_chain_recent_gaps",
    summary: "{{ $value }} gaps were found in the audit chain in the last hour",
    advice: "azora chain accounted",
  },
  {
    id: "chain-stalled",
    measures: "1 while the audit chain cannot write or sign, else 0",
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
    bad: "above",
    levels: [{ severity: "warning", bound: 1, for: MINUTE }],
    keepFor: KEEP,
    duringLaunch: false,
    query: 'max(azora_chain_alarm{code="CHAIN_UNWITNESSED"})',
    summary: "no witness confirms the audit chain",
    advice: "azora chain stats",
  },
  {
    id: "harmony-low",
    measures: "harmony, 0 to 100",
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
    bad: "below",
    levels: [{ severity: "warning", bound: 0.5, clear: 0.6, for: MINUTE }],
    keepFor: KEEP,
    duringLaunch: false,
    query: "azora_harmony_confidence",
    summary: "only {{ $value | humanizePercentage }} of what harmony is made of is known",
    advice: "azora status: which nodes do not report?",
  },
  {
    id: "alerts-undelivered",
    measures: "1 while a receiver of alerts does not take them, else 0",
    bad: "above",
    levels: [{ severity: "warning", bound: 1, for: 5 * MINUTE }],
    keepFor: 0,
    duringLaunch: true,
    query: "azora_alert_channel_failing",
    summary: "alerts do not arrive by {{ $labels.channel }}",
    advice: "the log of the brain's node says why",
  },
];

/** Whether a value is bad. `isHeld`: it was so before, so that it ends only beyond `clear`. */
export function isBad({ bad }: AlertDefinition, level: AlertLevel, value: number, isHeld: boolean): boolean {
  const bound = isHeld ? (level.clear ?? level.bound) : level.bound;
  // At `clear` itself it has ended, at the bound itself it has begun.
  if (isHeld && level.clear !== undefined) return bad === "above" ? value > bound : value < bound;
  return bad === "above" ? value >= bound : value <= bound;
}
