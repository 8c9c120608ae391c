import type { BreakerState } from "../../../../models/healing.ts";
import { count, span } from "../figures.ts";
import type { CallWindow } from "./call-window.ts";
import type { Finding } from "./finding.ts";
import type { Limits } from "./limits.ts";
import type { Streaks } from "./streaks.ts";

/** What is known of a service's calls on one node. */
export interface ErroringInput {
  calls: CallWindow;
  streaks: Streaks;
  /** Newest fault, as `<type>: <message>`. */
  error?: string | undefined;
  /** Breakers of callers that spare it now. */
  breakers: readonly BreakerState[];
}

/** Calls of so long ago say how it is now, ms: two reports. */
const NOW_MS = 2000;
/** So many calls that all went well say that it is over. */
const WELL = 5;

/** Says when too many of a service's calls fail by its own fault. */
export function erroring(
  { calls, streaks, error, breakers }: ErroringInput,
  limits: Limits["erroring"],
  now: number,
): Omit<Finding, "target"> | undefined {
  const seen = many(calls, limits, now) ?? few(streaks, limits, now) ?? spared(calls, limits, now, breakers);
  if (!seen) return undefined;
  const text = error ? ` (\`${error.slice(0, 120)}\`)` : "";
  const [first, ...rest] = seen.evidence;
  return {
    failure: "erroring",
    severity: "failure",
    evidence: [`${first}${text}.`, ...rest],
    lost: seen.failed,
    ...(error ? { error } : {}),
  };
}

interface Seen {
  failed: number;
  evidence: [string, ...string[]];
}

function many(calls: CallWindow, limits: Limits["erroring"], now: number): Seen | undefined {
  const { short, shortCalls, shortShare, long, longCalls, longShare } = limits;
  const newest = calls.calls(now - NOW_MS, now);
  // The window is still full of what is over: a remedy would only do harm.
  if (newest.count >= WELL && newest.errors === 0) return undefined;
  const soon = calls.calls(now - short, now);
  const lately = calls.calls(now - long, now);
  const sudden = soon.count >= shortCalls && soon.errors > shortShare * soon.count;
  const steady = lately.count >= longCalls && lately.errors > longShare * lately.count && soon.errors > 0;
  if (!sudden && !steady) return undefined;
  const [seen, over] = sudden ? [soon, short] : [lately, long];
  return { failed: seen.errors, evidence: [`${seen.errors} of ${seen.count} calls failed in ${span(over)}`] };
}

/** Few calls of one action, and every one of them failed for a while. */
function few(streaks: Streaks, { rare, rareCalls, lasting }: Limits["erroring"], now: number): Seen | undefined {
  const streak = streaks.longest(now - rare);
  if (!streak || streak.failed < rareCalls || streak.last - streak.since < lasting) return undefined;
  const { action, failed, since } = streak;
  return { failed, evidence: [`All ${failed} calls of ${action} in the last ${span(now - since)} failed`] };
}

/** Callers have stopped to call it, so that hardly any call is left to be counted. */
function spared(
  calls: CallWindow,
  { rare, lasting }: Limits["erroring"],
  now: number,
  breakers: readonly BreakerState[],
): Seen | undefined {
  const lasted = breakers.filter(({ since }) => now - since >= lasting);
  if (lasted.length === 0) return undefined;
  const { count: n, errors } = calls.calls(now - rare, now);
  if (errors === 0) return undefined;
  const [one] = lasted;
  const callers = new Set(lasted.map(({ caller }) => caller)).size;
  return {
    failed: errors,
    evidence: [
      `${errors} of ${count(n, "call")} failed in ${span(rare)}`,
      `${count(callers, "caller")} ${callers === 1 ? "spares" : "spare"} ${one!.callee} for ${span(now - one!.since)}: its circuit breaker is ${one!.state}.`,
    ],
  };
}
