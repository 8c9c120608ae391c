import type { Topology, TopologyService } from "../../../models/topology.ts";

/** The node whose process the spine keeps alive, not the orchestrator. */
export const ORCHESTRATOR_NODE = "nervous-1";

/** A service answers its callers while it is one of these. */
export function isWell(status: string): boolean {
  return status === "healthy" || status === "degraded";
}

/** Everything is as it should be: launched, all services healthy, all nodes up. */
export function isWhole({ launched, status, nodes }: Topology): boolean {
  return launched && status === "healthy" && nodes.every((node) => node.status === "up");
}

/** What keeps it from being whole, in one sentence. */
export function notWhole({ launched, status, why, nodes }: Topology): string {
  if (!launched) return "it is still being launched";
  const node = nodes.find((one) => one.status !== "up");
  return node && status === "healthy" ? `${node.id} is ${node.status}` : `it is ${status}: ${why}`;
}

/** Services that need one of these, directly or through others, by hard edges. */
export function dependentsOf(services: readonly TopologyService[], names: Iterable<string>): Set<string> {
  const found = new Set<string>();
  const queue = [...names];
  for (let name = queue.pop(); name !== undefined; name = queue.pop())
    for (const service of services)
      if (service.dependencies.includes(name) && !found.has(service.name)) {
        found.add(service.name);
        queue.push(service.name);
      }
  return found;
}
