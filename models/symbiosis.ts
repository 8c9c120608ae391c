/** The organism as seven systems, its harmony, and the rules that act on it. Shapes only. */

export const SYSTEMS = ["brain", "heart", "lungs", "stomach", "muscles", "immune", "nervous"] as const;
export type System = (typeof SYSTEMS)[number];

/** What is measured of each system, from the vitals of its nodes. A name in per cent runs from 0 to 100. */
export const METRICS = {
  load: {
    unit: "%",
    min: 0,
    max: 100,
    bad: "high",
    description:
      "The busiest of cpu, event loop, memory and places in use; 100 where a fifth of the calls or more is refused.",
  },
  cpu: {
    unit: "%",
    min: 0,
    max: 100,
    bad: "high",
    description: "Share of one core that each node uses, mean of the nodes.",
  },
  memoryUsage: {
    unit: "%",
    min: 0,
    max: 100,
    bad: "high",
    description: "Heap in use of what it may grow to, the worst node.",
  },
  eventLoopDelay: {
    unit: "ms",
    min: 0,
    max: 60_000,
    bad: "high",
    description: "99th percentile of the delay, the worst node.",
  },
  requestRate: { unit: "calls/s", min: 0, max: 1e9, bad: "none", description: "Calls that ended." },
  errorRate: {
    unit: "%",
    min: 0,
    max: 100,
    bad: "high",
    description: "Share of the calls that failed by the service's own fault.",
  },
  latencyP50: { unit: "ms", min: 0, max: 2_200_000, bad: "high", description: "Median of the calls." },
  latencyP95: { unit: "ms", min: 0, max: 2_200_000, bad: "high", description: "95th percentile of the calls." },
  queueDepth: { unit: "calls", min: 0, max: 1e9, bad: "high", description: "Calls that wait for their turn." },
  concurrency: { unit: "calls", min: 0, max: 1e9, bad: "none", description: "Calls that are carried out." },
  healthyRatio: {
    unit: "%",
    min: 0,
    max: 100,
    bad: "low",
    description: "Share of the system's services that are healthy; degraded ones count half.",
  },
  restarts: {
    unit: "per 10 min",
    min: 0,
    max: 1e6,
    bad: "high",
    description: "Restarts of services and nodes; what restarts within ten seconds of each other counts once.",
  },
  saturation: {
    unit: "%",
    min: 0,
    max: 100,
    bad: "high",
    description: "Places in use of those that limits allow; 100 where a fifth of the calls or more is refused.",
  },
  refusalRate: {
    unit: "%",
    min: 0,
    max: 100,
    bad: "high",
    description:
      "Share of the calls that were refused since there was too much to do; what rules refuse is not counted.",
  },
} as const;
export type Metric = keyof typeof METRICS;

/** Of the organism as a whole; the system is `organism`. */
export const ORGANISM_METRICS = {
  harmony: { unit: "points", min: 0, max: 100, bad: "low", description: "How well the organism is." },
  confidence: { unit: "", min: 0, max: 1, bad: "low", description: "Share of what harmony is made of that is known." },
} as const;
export const ORGANISM = "organism";
/** Where a condition may look. */
export type RuleSystem = System | typeof ORGANISM;

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

export const OPERATORS = [
  "greaterThan",
  "lessThan",
  "greaterOrEqual",
  "lessOrEqual",
  "equals",
  "notEquals",
  "between",
  "outside",
  "increasingFasterThan",
  "decreasingFasterThan",
] as const;
export type Operator = (typeof OPERATORS)[number];

/** Another metric to compare with. */
export interface MetricOperand {
  system: RuleSystem;
  metric: string;
  /** @default 1 */
  times?: number;
}

export interface Comparison {
  system: RuleSystem;
  /** One of METRICS, or an own one as `<service>.<name>`. */
  metric: string;
  operator: Operator;
  /** `[low, high]` for between and outside; per second for increasing- and decreasingFasterThan. */
  value: number | [number, number] | MetricOperand;
  /** Once it holds, it goes on holding until this value is passed (hysteresis). */
  clearValue?: number;
  /** Stretch over which increasing- and decreasingFasterThan measure, ms. @default 60000 */
  over?: number;
}
export type Condition = Comparison | { all: Condition[] } | { any: Condition[] } | { not: Condition };

export const ACTION_TYPES = [
  "adjustResourceAllocation",
  "scaleService",
  "scaleSystem",
  "heal",
  "shed",
  "throttle",
  "setFlag",
  "clearCache",
  "alert",
] as const;
export type ActionType = (typeof ACTION_TYPES)[number];

export interface RuleAction {
  type: ActionType;
  /** A system, a service, or a node; `brain-service` and the like mean the organ. */
  target: string;
  parameters?: Record<string, unknown>;
}

export interface SymbioticRule {
  id: string;
  /** @default the id */
  name?: string;
  /** All of them have to hold. */
  conditions: Condition[];
  actions: RuleAction[];
  /** Higher ones first: 0 to 1000, or `critical` (900), `high` (700), `medium` (500), `low` (300). @default 500 */
  priority?: number | RulePriority;
  /** Between two firings, ms; it fires again while it stays active. @default 60000 */
  cooldown?: number;
  /** @default true */
  enabled?: boolean;
  /** How long the conditions must hold without a break, ms. @default 0 */
  for?: number;
  /** How long it stays active after they have ceased to hold, ms. @default 0 */
  keepFor?: number;
  /** Once active it stays so for at least this long, ms. @default 0 */
  minActive?: number;
  /** `shadow`: says what it would do. @default "on" */
  mode?: "shadow" | "on";
  /** ISO 8601; then it is disabled. @default never */
  expires?: string;
}

export type RulePriority = "critical" | "high" | "medium" | "low";

/** With every default filled in. */
export type CompleteRule = Required<Omit<SymbioticRule, "priority" | "expires">> & {
  priority: number;
  expires: string | null;
};

/** `built-in` ones come with Azora; a rule of the same id from a file or the API takes their place. */
export type RuleOrigin = "built-in" | "file" | "api";

/** What is wrong with a rule. */
export interface RuleFault {
  /** Id, or `rule 3` where it has none. */
  rule: string;
  /** As `conditions[0].metric`. */
  path: string;
  /** Field, value, what is allowed, and the nearest known name. */
  detail: string;
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

export type Truth = "true" | "false" | "unknown";

/** Why a rule did or did not fire. */
export interface RuleWhy {
  rule: string;
  at: string;
  /** At this moment: a rule that is active fires once in its cooldown. */
  result: "fired" | "would fire" | "did not fire";
  /** ISO 8601; null while it is not active. */
  activeSince?: string | null;
  /** One sentence. */
  why: string;
  conditions: {
    path: string;
    text: string;
    truth: Truth;
    read: { system: string; metric: string; value: number | null; age: number | null }[];
  }[];
  /** ms */
  cooldownLeft: number;
  heldFor: number;
}

/** What came of a rule. */
export interface ExecutionResult {
  id: string;
  rule: string;
  at: string;
  mode: "shadow" | "on";
  why: RuleWhy;
  actions: {
    type: ActionType;
    target: string;
    status: "done" | "refused" | "failed" | "shadow" | "unchanged";
    /** What was done, or why not. */
    what: string;
    /** What was to get better, watched afterwards. */
    effect?: {
      metric: string;
      before: number | null;
      after: number | null;
      verdict: "watching" | "better" | "no change" | "worse" | "unknown";
      rolledBack: boolean;
      /** How the verdict was found, in a sentence; once there is one. */
      why?: string;
    };
  }[];
}
