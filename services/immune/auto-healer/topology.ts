import type { Topology, TopologyNode, TopologyService } from "../../../models/topology.ts";
import { nearest } from "../../../runtime/nearest.ts";

/** By its name or by another one under which it is known. */
export function serviceOf({ services }: Topology, name: string): TopologyService | undefined {
  return services.find((one) => one.name === name) ?? services.find(({ aliases }) => aliases.includes(name));
}

export function nodeOf({ nodes }: Topology, id: string): TopologyNode | undefined {
  return nodes.find((node) => node.id === id);
}

export function nearestService({ services }: Topology, name: string): string | undefined {
  return nearest(
    name,
    services.flatMap((one) => [one.name, ...one.aliases]),
  );
}

/** Nodes that carry the service now. */
export function placesOf(service: TopologyService): string[] {
  return service.instances.map(({ node }) => node);
}
