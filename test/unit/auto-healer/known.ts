import type { KnownNode, KnownService, Topology } from "../../../services/immune/auto-healer/topology.ts";

export function knownService(name: string, more: Partial<KnownService> = {}): KnownService {
  return {
    name,
    kind: "moleculer",
    organ: "heart",
    status: "healthy",
    why: "",
    aliases: [],
    capabilities: [],
    runtimeSystem: false,
    singleton: false,
    dependencies: [],
    softDependencies: [],
    healing: {},
    instances: [],
    ...more,
  };
}

export function knownNode(id: string, services: string[] = [], more: Partial<KnownNode> = {}): KnownNode {
  return { id, organ: id.split("-")[0]!, status: "up", remote: false, services, ...more };
}

/** Services without instances are on the nodes that name them. */
export function topologyOf(services: KnownService[], nodes: KnownNode[]): Topology {
  const placed = services.map((service) => {
    const at = nodes.filter((node) => node.services.includes(service.name));
    const instances = at.map(({ id }) => ({ node: id, pid: 1, incarnation: 1, status: service.status }));
    return service.instances.length > 0 ? service : { ...service, instances };
  });
  return { epoch: 1, launched: true, status: "healthy", services: placed, nodes };
}
