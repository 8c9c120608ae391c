/** Rules that act on the organism. Shapes only. */

import type { RuleSystem } from "./metrics.ts";

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
