import { Service, type ServiceBroker, type ServiceSchema } from "moleculer";

/**
 * Makes a service of whatever a file exports, a schema, a class or a function that makes either, and does not start it: the caller does, so that a failing start is seen
 * (`createService` on a running broker swallows it).
 */
export function constructService(broker: ServiceBroker, exported: unknown): Service {
  const restart = broker as unknown as { _restartService(service: Service): unknown };
  const original = restart._restartService;
  const made: Service[] = [];
  restart._restartService = (service) => {
    made.push(service);
    return Promise.resolve();
  };
  let service: Service;
  try {
    service = construct(broker, exported);
  } finally {
    restart._restartService = original;
  }
  // What the service itself made meanwhile, in its `created` for example, starts as it would without us.
  for (const other of made) if (other !== service) original.call(broker, other);
  return service;
}

function construct(broker: ServiceBroker, exported: unknown): Service {
  if (typeof exported === "function") {
    if (exported === Service || exported.prototype instanceof Service) {
      return new (exported as new (broker: ServiceBroker) => Service)(broker);
    }
    const made = (exported as (broker: ServiceBroker) => unknown)(broker);
    if (made instanceof Service) return made;
    if (typeof made === "function") return construct(broker, made);
    return broker.createService(checked(made));
  }
  return broker.createService(checked(exported));
}

function checked(schema: unknown): ServiceSchema {
  if (typeof schema !== "object" || schema === null) {
    throw new TypeError("exports no service schema, class or factory (is a default export or module.exports missing?)");
  }
  return { ...(schema as ServiceSchema) };
}
