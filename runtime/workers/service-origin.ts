import type { Service } from "moleculer";

/** From where a service was loaded, so that a worker thread can load the same code. */
export interface ServiceOrigin {
  file: string;
  /** Counts loads with fresh code. */
  generation: number;
}

const origins = new WeakMap<Service, ServiceOrigin>();

export function rememberOrigin(service: Service, { file, generation }: ServiceOrigin): void {
  origins.set(service, { file, generation });
}

/** Undefined for a service that was made of a schema and not of a file. */
export function originOf(service: Service): ServiceOrigin | undefined {
  return origins.get(service);
}
