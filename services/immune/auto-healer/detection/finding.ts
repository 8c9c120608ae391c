import type { Failure, HealingTarget } from "../../../../models/healing.ts";

/** What a detector sees at one look. It becomes a `Detection` once it has been seen often enough. */
export interface Finding {
  failure: Failure;
  target: HealingTarget;
  severity: "warning" | "failure";
  /** One sentence each, with figures and units. */
  evidence: string[];
  /** Time until it breaks at the present trend, s. */
  secondsLeft?: number;
  /** Calls that had failed when it was seen. */
  lost?: number;
  /** Text of an error that was seen, where one is known. */
  error?: string;
  /** What the remedies want to know of the place: shares from 0 to 1. */
  signs?: Signs;
}

export interface Signs {
  /** Share of time in which the event loop of its node is busy. */
  loop?: number;
  /** Share of all cores of its machine that is in use. */
  machine?: number;
  /** Heap in use of the heap's limit. */
  heap?: number;
  /** Calls that run now. */
  inFlight?: number;
  /** Calls in a second. */
  rate?: number;
  /** What has run out: `heap`, `files` or `disk`. */
  resource?: "heap" | "files" | "disk";
}

/** Findings of the same thing have the same key. */
export function keyOf({
  failure,
  target,
  severity,
  signs,
}: Pick<Finding, "failure" | "target" | "severity" | "signs">): string {
  return [failure, target.service ?? "", target.node ?? "", severity, signs?.resource ?? ""].join("|");
}
