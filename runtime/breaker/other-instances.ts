import type { Context, ServiceBroker } from "moleculer";

/** Where an action can be called, and the life of the service that it would reach. */
export interface Instance {
  endpoint: { id: string; action: { handler(ctx: Context): unknown } };
  callee: { fullName: string; node?: { id: string } };
}

interface Endpoint {
  id: string;
  local: boolean;
  isAvailable: boolean;
  service: { fullName: string; node: { id: string } };
  action: { handler(ctx: Context): unknown };
}

/** The available instances of an action on other nodes than `node`. */
export function otherInstances(broker: ServiceBroker, action: string, node: string): Instance[] {
  const list = broker.registry.getActionEndpoints(action) as unknown as { endpoints: Endpoint[] } | undefined;
  return (list?.endpoints ?? []).flatMap((endpoint) => {
    if (!endpoint.isAvailable || endpoint.id === node) return [];
    // Of a service in this process the registry holds only a description.
    const callee = endpoint.local
      ? broker.services.find((service) => service.fullName === endpoint.service.fullName)
      : endpoint.service;
    return callee ? [{ endpoint, callee: callee as Instance["callee"] }] : [];
  });
}
