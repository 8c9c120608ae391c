import { AsyncLocalStorage } from "node:async_hooks";
import type { Service, ServiceBroker } from "moleculer";

/** Services that the code of a service makes itself, in its `created`, `started` or later. They live as long as it does. */
const scope = new AsyncLocalStorage<Service[]>();

/** Runs a service's start; what it makes from then on is entered into `children`. */
export function collectChildren<T>(children: Service[], start: () => T): T {
  return scope.run(children, start);
}

/** To be called once for a broker. */
export function watchCreations(broker: ServiceBroker): void {
  const create = broker.createService;
  broker.createService = function (this: ServiceBroker, ...args: Parameters<typeof create>) {
    const service = create.apply(this, args) as Service;
    scope.getStore()?.push(service);
    return service;
  } as typeof create;
}
