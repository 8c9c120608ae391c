import { ORGANISM, type RuleSystem, SYSTEMS, type System } from "../../../../models/metrics.ts";
import type { Topology, TopologyService } from "../../../../models/topology.ts";
import { nearest } from "../../../../runtime/nearest.ts";
import { organMeant } from "../../../../runtime/rules/targets.ts";
import { refuse } from "./refused.ts";

/** Who an action is about. */
export interface Target {
  /** Its own name: of a system without `-service`, of a service the full one. */
  name: string;
  kind: "system" | "service" | "node" | "organism";
  /** Whose metrics show what becomes of it. */
  system: RuleSystem;
  /** Nodes that are up. */
  nodes: string[];
  services: TopologyService[];
}

const isSystem = (name: string): name is System => (SYSTEMS as readonly string[]).includes(name);

/** A service goes before a system of the same name. @throws Refused with the nearest name */
export function targetOf(name: string, topology: Topology): Target {
  const up = topology.nodes.filter(({ status }) => status === "up");
  const service = topology.services.find((one) => one.name === name || one.aliases.includes(name));
  if (service) {
    const on = new Set(service.instances.map(({ node }) => node));
    const nodes = up.filter(({ id }) => on.has(id)).map(({ id }) => id);
    return { name: service.name, kind: "service", system: systemOf(service.organ), nodes, services: [service] };
  }
  const node = topology.nodes.find(({ id }) => id === name);
  if (node) {
    const services = topology.services.filter((one) => one.instances.some((instance) => instance.node === name));
    const nodes = up.filter(({ id }) => id === name).map(({ id }) => id);
    return { name, kind: "node", system: systemOf(node.organ), nodes, services };
  }
  if (name === ORGANISM)
    return { name, kind: "organism", system: ORGANISM, nodes: up.map(({ id }) => id), services: topology.services };
  const system = organMeant(name);
  if (system) {
    const nodes = up.filter(({ organ }) => organ === system).map(({ id }) => id);
    const services = topology.services.filter(({ organ }) => organ === system);
    return { name: system, kind: "system", system, nodes, services };
  }
  const meant = nearest(name, knownTargets(topology));
  return refuse(`there is no system, service or node ${name}${meant ? `; did you mean ${meant}?` : ""}`);
}

/** Everything that an action may name. */
export function knownTargets({ services, nodes }: Topology): string[] {
  return [
    ORGANISM,
    ...SYSTEMS.flatMap((system) => [system, `${system}-service`]),
    ...services.flatMap(({ name, aliases }) => [name, ...aliases]),
    ...nodes.map(({ id }) => id),
  ];
}

const systemOf = (organ: string): RuleSystem => (isSystem(organ) ? organ : ORGANISM);
