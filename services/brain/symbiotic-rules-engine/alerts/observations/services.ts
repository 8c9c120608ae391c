import type { ServiceFacts } from "../situation.ts";
import { groupOf, NOTHING, type Observation, type Observations, type Observe } from "./observation.ts";
import { because } from "./says.ts";

export const SERVICE_OBSERVATIONS: Observations = {
  "critical-service-failed": services(({ priority }) => priority === "critical", failed),
  "service-failed": services(({ priority }) => priority !== "critical", failed),
  "service-degraded": services(
    () => true,
    (service) => {
      const health = healthOfService(service);
      // A failed one has an alert of its own; being degraded before is then neither so nor over.
      const value = health === null || health === 0 ? null : health === 0.5 ? 1 : 0;
      return { value, says: () => `${service.name} is degraded${because(service.why)}` };
    },
  ),
  "service-flapping": services(
    () => true,
    ({ name, restarts, why }) => ({
      value: restarts,
      says: () => `${name} was restarted ${restarts} times in 10 minutes${because(why)}`,
    }),
  ),
};

/** 1 healthy, 0.5 degraded, 0 failed. What is being started, or waits for another, is neither well nor has it failed. */
export function healthOfService({ status }: ServiceFacts): number | null {
  if (status === "healthy" || status === "stopped") return 1;
  if (status === "degraded") return 0.5;
  return status === "unhealthy" || status === "timeout" || status === "quarantined" ? 0 : null;
}

function services(
  isMeant: (service: ServiceFacts) => boolean,
  look: (service: ServiceFacts) => Pick<Observation, "value" | "says">,
): Observe {
  return ({ services: all }) =>
    all === null
      ? NOTHING
      : {
          complete: true,
          of: all
            .filter(isMeant)
            .map((service) => ({ subject: service.name, group: groupOf(service.system), ...look(service) })),
        };
}

function failed(service: ServiceFacts): Pick<Observation, "value" | "says"> {
  return {
    value: healthOfService(service),
    says: () => `${service.name} is ${service.status}${because(service.why)}`,
  };
}
