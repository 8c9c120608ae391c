import type { Service, ServiceBroker } from "moleculer";
import { AzoraError } from "../errors.ts";
import type { SlotState } from "../node-host/slots.ts";

/** Without them nothing could be undone, and nothing healed. */
const SPARED = /^(\$|node-host$|node-faults$|node-accounting$|node-performance$|chaos-monkey$|master-orchestrator$)/;

/** Destroys a service in the broker behind the back of the node's host. */
export async function killService(broker: ServiceBroker, name: string): Promise<Service> {
  if (SPARED.test(name)) throw new AzoraError("CHAOS_REFUSED", `${name} is what would bring services back`);
  const service = broker.services.find(({ fullName }) => fullName === name);
  if (!service) throw new AzoraError("SERVICE_UNKNOWN", `Node ${broker.nodeID} does not carry ${name}`, { name });
  await broker.destroyService(service);
  return service;
}

/** Takes a killing back where nobody has healed it: the very object starts again, which the host still believes in. */
export async function reviveService(broker: ServiceBroker, service: Service): Promise<"healed already" | "revived"> {
  const { fullName } = service;
  const isThere = () => broker.services.some((other) => other.fullName === fullName);
  if (isThere()) return "healed already";
  const { slots } = (await broker.call("node-host.state", {}, { nodeID: broker.nodeID })) as { slots: SlotState[] };
  // In any other state the host is at it itself.
  const believed = slots.some(({ name, status }) => name === fullName && status === "started");
  if (!believed || isThere()) return "healed already";
  (broker.services as Service[]).push(service);
  await (service as unknown as { _start(): Promise<void> })._start();
  return "revived";
}
