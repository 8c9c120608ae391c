import type { ServiceBroker } from "moleculer";
import type { Callee } from "../load/load-model.ts";

interface Endpoint {
  local: boolean;
  service: { fullName: string; node: { id: string } };
}

/** The life of the service that an endpoint reaches. Of a service in this process the registry holds only a description. */
export function calleeOf(broker: ServiceBroker, { local, service }: Endpoint): Callee {
  if (!local) return service;
  return (broker.services.find(({ fullName }) => fullName === service.fullName) as Callee | undefined) ?? service;
}
