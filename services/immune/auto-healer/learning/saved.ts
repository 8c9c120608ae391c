import type { IllnessState } from "./illness.ts";
import { CLIMBED } from "./thompson.ts";

const COUNTS = ["outcomes", "quarantined", "first", "last", "fadedAt"] as const;
const WEIGHTS = ["successes", "failures", "squares"] as const;

/** Whether what comes from a file can be believed: one wrong number would spoil every choice made with it. */
export function isIllnessState(value: unknown): value is IllnessState {
  if (typeof value !== "object" || value === null) return false;
  const state = value as Record<string, unknown>;
  if (typeof state["signature"] !== "string" || state["signature"].split("|").length !== 3) return false;
  if (!COUNTS.every((key) => isAmount(state[key]))) return false;
  if (![state["before"], state["after"]].every((times) => Array.isArray(times) && times.every(isAmount))) return false;
  const knowledge = (state["knowledge"] ?? {}) as Record<string, Record<string, unknown> | undefined>;
  return CLIMBED.every((rung) => {
    const evidence = knowledge[rung];
    return WEIGHTS.every((key) => isAmount(evidence?.[key])) && Number.isFinite(evidence?.["sum"]);
  });
}

function isAmount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
