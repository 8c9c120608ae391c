import type { Topology, TopologyNode, TopologyService } from "../../models/topology.ts";

export function knownService(name: string, more: Partial<TopologyService> = {}): TopologyService {
  return {
    name,
    kind: "service",
    organ: "heart",
    priority: "medium",
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

export function knownNode(id: string, services: string[] = [], more: Partial<TopologyNode> = {}): TopologyNode {
  return {
    id,
    organ: id.split("-")[0]!,
    status: "up",
    pid: 1,
    host: "here",
    remote: false,
    incarnation: 1,
    memory: 100 * 2 ** 20,
    cpu: 1,
    services,
    ...more,
  };
}

/** Services without instances are on the nodes that name them. */
export function topologyOf(services: TopologyService[], nodes: TopologyNode[]): Topology {
  const placed = services.map((service) => {
    const at = nodes.filter((node) => node.services.includes(service.name));
    const instances = at.map(({ id }) => ({ node: id, pid: 1, incarnation: 1, status: service.status }));
    return service.instances.length > 0 ? service : { ...service, instances };
  });
  return { epoch: 1, launched: true, status: "healthy", why: "", replicas: {}, services: placed, nodes };
}
