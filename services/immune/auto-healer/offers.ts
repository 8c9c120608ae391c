import type { ActionRegistry } from "./actions/registry.ts";
import type { Candidate, Situation } from "./situation.ts";

/** A service that is one of these can be asked to do something. */
const RUNS = new Set(["healthy", "degraded", "unhealthy"]);

/** What services and plug-ins offer for this failure. */
export function offers({ finding, service }: Situation, registry: ActionRegistry): Candidate[] {
  return registry
    .for(service)
    .filter(({ origin, failures }) => origin !== "built-in" && failures.includes(finding.failure))
    .map(({ type, origin, cost }) => ({
      action: type,
      target: finding.target,
      parameters: {},
      cost: { time: cost, calls: 0 },
      why: `${origin === "service" ? "the service" : "a plug-in"} offers it for this failure`,
      whyNot:
        origin === "service" && service?.instances.every(({ status }) => !RUNS.has(status))
          ? "the service does not run"
          : undefined,
    }));
}
