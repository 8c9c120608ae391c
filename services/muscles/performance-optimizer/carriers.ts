import type { ServiceBroker } from "moleculer";
import { AzoraError } from "../../../runtime/errors.ts";
import { nearest } from "../../../runtime/nearest.ts";

/** Nodes that carry each service now. */
export function carriers(broker: ServiceBroker): Map<string, string[]> {
  const listed = broker.registry.services.list({ onlyAvailable: true }) as { fullName: string; nodeID: string }[];
  const nodes = new Map<string, string[]>();
  for (const { fullName, nodeID } of listed) nodes.set(fullName, [...(nodes.get(fullName) ?? []), nodeID]);
  return nodes;
}

/** @param measured services that have been called lately @throws AzoraError SERVICE_UNKNOWN with the nearest name */
export function mustBeService(broker: ServiceBroker, name: string, measured: readonly string[]): void {
  if (measured.includes(name)) return;
  const known = broker.registry.services.list({}) as { fullName: string }[];
  const names = known.map(({ fullName }) => fullName).filter((each) => !each.startsWith("$"));
  if (names.includes(name)) return;
  const meant = nearest(name, [...measured, ...names]);
  const detail = `No service is named ${name}${meant ? `; did you mean ${meant}?` : ""}`;
  throw new AzoraError("SERVICE_UNKNOWN", detail, { name, nearest: meant });
}

/** @throws AzoraError NOT_FOUND with the nearest name */
export function mustBeNode(broker: ServiceBroker, node: string): void {
  const nodes = broker.registry.nodes.list({ onlyAvailable: true }).map(({ id }: { id: string }) => id) as string[];
  if (nodes.includes(node)) return;
  const meant = nearest(node, nodes);
  throw new AzoraError("NOT_FOUND", `No node is named ${node}${meant ? `; did you mean ${meant}?` : ""}`, { node });
}
