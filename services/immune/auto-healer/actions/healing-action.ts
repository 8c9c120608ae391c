import type {
  Failure,
  HealingDecision,
  HealingPriority,
  HealingResult,
  HealingTarget,
} from "../../../../models/healing.ts";

/** An order that was checked: its target is known, its parameters fit. */
export interface Order {
  id: string;
  action: string;
  /** With full names. */
  target: HealingTarget;
  priority: HealingPriority;
  parameters: Record<string, unknown>;
  /** ms */
  timeout: number;
  by: "healer" | "operator";
  reason: string;
  /** It follows the restart of another service, each time: no cooldown holds. */
  supervised?: boolean;
  /** What it is to heal; nothing where somebody asked for it. */
  about?: Illness;
}

export interface Illness {
  case: string;
  failure: Failure;
  evidence: string[];
  decision: HealingDecision;
  signature: string;
  /** From 1. */
  attempt: number;
}

/** What was seen. */
export type Outcome = Omit<HealingResult, "id" | "duration">;

export type Origin = "built-in" | "service" | "plug-in";

/** Something that can be done. */
export interface HealingAction {
  type: string;
  origin: Origin;
  description: string;
  /** Service that offers it; nothing where it fits many. */
  service?: string | undefined;
  /** fastest-validator rules; nothing where the action checks them itself. */
  parameters?: Record<string, unknown> | undefined;
  /** ms */
  timeout: number;
  /** Time until it is carried out again on the same target, ms, before scaling. */
  cooldown: number;
  /** Failures for which it is a remedy by itself. */
  failures: readonly Failure[];
  /** Lost time, ms. */
  cost: number;
  /** Whether whoever carries it out enters it into the journal. */
  journaled: boolean;
  carryOut(order: Order, signal: AbortSignal): Promise<Outcome>;
}

export const DEFAULT_TIMEOUT_MS = 30_000;
export const DEFAULT_COOLDOWN_MS = 60_000;
export const DEFAULT_COST_MS = 1000;
