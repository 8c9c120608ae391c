import type { Topology } from "../../../models/topology.ts";
import type { CheckSpec } from "./experiment.ts";
import { isWhole, notWhole } from "./topology.ts";

/** Why the organism is not in its steady state now, by the checks of its status. */
export function statusProblem(checks: readonly CheckSpec[], topology: Topology): string | undefined {
  for (const check of checks) {
    if (check.kind === "status" && !check.is.includes(topology.status))
      return `the organism is ${topology.status}, not ${check.is.join(" or ")}: ${topology.why}`;
    if (check.kind === "healthy-within" && !isWhole(topology)) return notWhole(topology);
  }
  return undefined;
}

/** Time within which the steady state has to be back, ms. */
export function timeToRecover(checks: readonly CheckSpec[]): number {
  const times = checks.flatMap((check) => (check.kind === "healthy-within" ? [check.ms] : []));
  return times.length > 0 ? Math.min(...times) : 60_000;
}

/** Actions that the checks call. */
export function watchedActions(checks: readonly CheckSpec[], automatic: readonly string[]): string[] {
  const named = checks.flatMap((check) => (check.kind === "call" ? [check.action] : []));
  return named.flatMap((action) => (action === "auto" ? automatic : [action]));
}

export function servicesOf(actions: readonly string[]): Set<string> {
  return new Set(actions.map((action) => action.slice(0, action.lastIndexOf("."))));
}
