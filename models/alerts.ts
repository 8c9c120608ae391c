import type { System } from "./metrics.ts";

/** What is wrong with the organism, who was told, and who shall not be. Shapes only. */

/** The least first. */
export const SEVERITIES = ["info", "warning", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];

/**
 * `pending`: it has begun, but not held for long enough. Resolved ones are shown for half an hour; one that comes again
 * in that time is the same alert.
 */
export type AlertState = "pending" | "firing" | "resolved";

export interface Alert {
  /** Of this alert alone, until half an hour after its end. */
  id: string;
  /** What kind it is: a definition's id, or one that a rule has chosen. */
  alert: string;
  /** What it is about: a service, a node, a system … */
  subject: string;
  /** Alerts of one group are told in one message: the system's name, `organism`, `chain` or `rules`. */
  group: AlertGroup;
  severity: Severity;
  state: AlertState;
  /** One sentence. */
  summary: string;
  /** The first thing to do; null where nobody says. */
  advice: string | null;
  /** What was measured last; null where it is not known, or no number. */
  value: number | null;
  /** The rule that raised it. */
  rule: string | null;
  /** ISO 8601: when it began to hold, fired, and ended. */
  startedAt: string;
  firedAt: string | null;
  endedAt: string | null;
  end: AlertEnd | null;
  /** Since when it cannot be told whether it still holds. An alert is never resolved by not knowing. */
  unknownSince: string | null;
  /** How often it has fired. */
  times: number;
  /** Increases with each change that is worth telling: `id` and this name one message about one alert. */
  revision: number;
  acknowledged: { by: string; at: string; comment: string } | null;
  /** Id of a silence that covers it. */
  silenced: string | null;
}

/**
 * How an alert ended: its cause is gone, what it is about is no part of the organism any more, or nobody calls it an alert any
 * more.
 */
export type AlertEnd = "cleared" | "gone" | "disabled";

export type AlertGroup = System | "organism" | "chain" | "rules";

/** What alerts a silence may be bound to; `*` in a value stands for anything. All of them must match. */
export const MATCHER_NAMES = ["alert", "subject", "group", "severity", "rule"] as const;
export type MatcherName = (typeof MATCHER_NAMES)[number];
export type Matchers = Partial<Record<MatcherName, string>>;

export interface Silence {
  id: string;
  matchers: Matchers;
  by: string;
  comment: string;
  /** ISO 8601 */
  from: string;
  until: string;
}

/** Sent as the event `organism.alert` and to the orchestrator's stream as `alert`. */
export type AlertChange =
  | { change: "firing" | "resolved" | "severity" | "acknowledged" | "silenced" | "unsilenced"; alert: Alert }
  /** So many more changes happened at the same moment; ask for the list. */
  | { change: "many"; more: number };

/** All that is told of one group at once. */
export interface AlertMessage {
  /** The same for the same content: a receiver that has seen it may leave it out. */
  id: string;
  /** ISO 8601 */
  at: string;
  /** The organism's namespace. */
  organism: string;
  group: AlertGroup;
  /** `repeat`: nothing has changed, but it still fires and nobody has acknowledged it. */
  kind: "firing" | "resolved" | "repeat";
  /** The highest of the alerts that fire, else of those that ended. */
  severity: Severity;
  /** Firing in the group now, with those that are not kept one by one. */
  firing: number;
  /** What has changed, the most severe first; at most MAX_TOLD. */
  alerts: Alert[];
  /** Changed too, but not listed. */
  more: number;
}

/** What is an alert, as `azora alerts definitions` shows it. */
export interface AlertDefinitionView {
  id: string;
  /** Where it comes from; a built-in one may be changed by a file. */
  origin: "built-in" | "file";
  /** In which it stands or is changed, as `alerts/night.json`. */
  file: string | null;
  enabled: boolean;
  /** Of an own alert. */
  metric: string | null;
  measures: string;
  bad: "above" | "below";
  levels: { severity: Severity; bound: number; clear?: number; for: number }[];
  /** ms */
  keepFor: number;
  summary: string;
  advice: string;
  /** Why it can be neither changed nor switched off. */
  fixed: string | null;
}

/** What is wrong with a file of alerts. */
export interface AlertFault {
  /** Left out where it was given by hand. */
  file?: string;
  /** Id, `alert 3` where it has none, or empty where it is the file itself. */
  alert: string;
  /** As `levels[0].bound`. */
  path: string;
  detail: string;
}

export interface AlertDefinitions {
  alerts: AlertDefinitionView[];
  faults: AlertFault[];
}

/** What `azora alerts check` answers. */
export interface CheckedAlertFile {
  faults: AlertFault[];
  /** The alerts without a fault, and what each would make of what is known now. */
  alerts: (AlertDefinitionView & {
    now: {
      seen: number;
      unknown: number;
      /** At most 20. */
      bad: { subject: string; severity: Severity; for: number; says: string }[];
    } | null;
  })[];
}

/** What `symbiotic-rules-engine.gauges` answers, for Prometheus. What is not known is left out. */
export interface OrganismGauges {
  harmony: { score: number; confidence: number } | null;
  /** Percentages are given as 0 to 1. */
  systems: { system: string; health: number | null; errorRatio: number | null; saturation: number | null }[];
  /** Health: 1 healthy, 0.5 degraded, 0 failed; restarts of the last 10 minutes. */
  services: { service: string; system: string; priority: string; health: number | null; restarts: number | null }[];
  nodes: { node: string; up: boolean | null }[];
  /** Those that own alerts are about, in their own units. */
  metrics: { system: string; name: string; value: number | null }[];
  chain: { intact: boolean | null; alarms: string[] | null; gaps: number };
  alerts: Record<Severity, number>;
  /** At the last tick; and since the engine began, ended ones that not every channel was told of. */
  notKept: number;
  forgotten: number;
  channels: { channel: string; sent: number; failed: number; failing: boolean }[];
}
