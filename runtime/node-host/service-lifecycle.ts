import type { Service, ServiceBroker } from "moleculer";
import { importService } from "../module-hooks.ts";
import { constructService } from "../service-factory.ts";
import type { VitalsRegistry } from "../vitals/action-vitals.ts";
import { rememberOrigin } from "../workers/service-origin.ts";
import { collectChildren } from "./child-services.ts";
import type { Slot } from "./slots.ts";

const DRAIN_CHECK_MS = 5;
/** Time that the `stopped` of a service may take, ms. */
const STOP_TIMEOUT_MS = 5000;

type ServiceDependency = { name: string; version?: unknown };

interface Startable {
  schema: { dependencies?: string | ServiceDependency | (string | ServiceDependency)[] };
  _start(): Promise<void>;
}

/** Loads the file and starts its service. What its `started` throws is thrown here, and nothing of it stays behind. */
export async function startService(
  broker: ServiceBroker,
  slot: Pick<Slot, "file" | "generation" | "renamed" | "children">,
  root: string,
): Promise<Service> {
  slot.children = [];
  return collectChildren(slot.children, () => loadAndStart(broker, slot, root));
}

async function loadAndStart(
  broker: ServiceBroker,
  { file, generation, renamed, children }: Pick<Slot, "file" | "generation" | "renamed" | "children">,
  root: string,
): Promise<Service> {
  const exported = await importService(file, generation, root);
  const service = constructService(broker, exported);
  rememberOrigin(service, { file, generation });
  const startable = service as unknown as Startable;
  const { dependencies } = startable.schema;
  if (dependencies) startable.schema.dependencies = rename([dependencies].flat(), renamed);
  try {
    await startable._start();
  } catch (error) {
    for (const one of [...children, service]) await broker.destroyService(one).catch(() => {});
    announce(broker);
    throw error;
  }
  announce(broker);
  return service;
}

function rename(
  dependencies: (string | ServiceDependency)[],
  renamed: Record<string, string>,
): (string | ServiceDependency)[] {
  return dependencies
    .map((one) => (typeof one === "string" ? (renamed[one] ?? one) : one))
    .filter((one) => (typeof one === "string" ? one !== "" : renamed[one.name] !== ""));
}

/**
 * Takes a service out of the registry first, so that no new call reaches it, lets the calls in flight finish for up to
 * `drainTimeout` ms, and stops it. Returns how many calls were still running then.
 */
export async function stopService(
  broker: ServiceBroker,
  service: Service,
  children: readonly Service[],
  vitals: VitalsRegistry,
  drainTimeout: number,
): Promise<number> {
  broker.registry.unregisterService(service.fullName, broker.nodeID);
  broker.servicesChanged(true);
  announce(broker);
  const left = await drain(() => vitals.inFlight(service.fullName), drainTimeout);
  for (const one of children)
    if (one !== service && broker.services.includes(one)) await destroyWithin(broker, one, STOP_TIMEOUT_MS);
  await destroyWithin(broker, service, STOP_TIMEOUT_MS);
  return left;
}

/** A `stopped` that never ends must hold up nobody: after its time the service counts as stopped, and what it holds leaks. */
async function destroyWithin(broker: ServiceBroker, service: Service, timeout: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(resolve, timeout, "late");
  });
  const outcome = await Promise.race([broker.destroyService(service), late]);
  clearTimeout(timer);
  if (outcome !== "late") return;
  broker.logger.error(`${service.fullName} did not stop within ${timeout} ms; it is left behind`);
  const { services } = broker as unknown as { services: Service[] };
  if (services.includes(service)) services.splice(services.indexOf(service), 1);
}

/** Waits until nothing is in flight, at most `timeout` ms. Resolves with what still is. */
export async function drain(inFlight: () => number, timeout: number): Promise<number> {
  const end = Date.now() + timeout;
  while (inFlight() > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, DRAIN_CHECK_MS));
  return inFlight();
}

/** Tells the other nodes at once which services are here; Moleculer itself waits for a pause between changes. */
function announce(broker: ServiceBroker): void {
  const { registry } = broker as unknown as { registry: { discoverer: { sendLocalNodeInfo(): Promise<void> } } };
  if (broker.transit) void registry.discoverer.sendLocalNodeInfo();
}
