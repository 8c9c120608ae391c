import type { Topology, TopologyNode, TopologyService } from "../../../models/topology.ts";
import { BETWEEN_NODES, type FaultSpec, OF_A_SERVICE, PROCESS_FAULTS, type TargetSpec } from "./experiment.ts";
import { pick } from "./random.ts";
import { isWell, ORCHESTRATOR_NODE } from "./topology.ts";

/** Who is hit. */
export interface Target {
  /** `node muscles-1`, `service ledger on heart-1`. */
  words: string;
  /** Nodes on which the fault is committed. */
  nodes: string[];
  /** The service that is hit, where it is one. */
  service?: string;
  /** The other node of a fault between two. */
  peer?: string;
  /** Services that the fault is about: the one, or all on the nodes. */
  services: string[];
}

/** What is known beyond the topology. */
export interface Surroundings {
  /** Node on which chaos-monkey lives: it is hit only where an experiment names it. */
  self: string;
  /** Services whose calls the run watches: where calls are to go wrong, they are chosen first. */
  watched: ReadonlySet<string>;
  /** Services with a health action of their own. */
  withHealth: ReadonlySet<string>;
}

/** Chooses by the seed where the experiment leaves a choice. A refusal says why nobody fits. */
export function chooseTarget(
  fault: FaultSpec,
  topology: Topology,
  random: () => number,
  surroundings: Surroundings,
): Target | { refusal: string } {
  const { self } = surroundings;
  if (fault.kind === "kill-spine") return { words: "the spine", nodes: [], services: [] };
  if (fault.kind === "kill-nats") return { words: "nats-server", nodes: [], services: [] };
  if (fault.kind.endsWith("-orchestrator")) return ofNode(topology, [ORCHESTRATOR_NODE]);
  const spec = fault.target!;
  if (OF_A_SERVICE.includes(fault.kind)) return chooseService(fault, spec, topology, random, surroundings);
  const here = PROCESS_FAULTS.some((kind) => kind === fault.kind) || fault.kind === "fill-disk";
  const node = chooseNode(spec, topology, random, { self, here, except: [] });
  if ("refusal" in node) return node;
  if (!BETWEEN_NODES.includes(fault.kind)) return ofNode(topology, [node.id]);
  const peer = chooseNode(fault.peer ?? "any-node", topology, random, { self, here: false, except: [node.id] });
  if ("refusal" in peer) return peer;
  return { ...ofNode(topology, [node.id, peer.id]), peer: peer.id };
}

function chooseService(
  fault: FaultSpec,
  spec: TargetSpec,
  { services }: Topology,
  random: () => number,
  { watched, withHealth }: Surroundings,
): Target | { refusal: string } {
  if (typeof spec === "object" && "node" in spec)
    return { refusal: `${fault.kind} hits a service, but its target is node ${spec.node}` };
  const isNamed = typeof spec === "object" && "service" in spec;
  const fits = services.filter((service) => {
    if (isNamed) return service.name === spec.service;
    const organ = organOf(spec);
    return !service.runtimeSystem && service.kind === "service" && (organ === undefined || service.organ === organ);
  });
  const named = isNamed ? fits[0] : undefined;
  if (named && named.kind !== "service")
    return { refusal: `${named.name} is a program: only the node of a service can break it` };
  const able = fits.filter(({ status, instances }) => isWell(status) && instances.length > 0);
  if (able.length === 0) return { refusal: `there is no healthy service that is ${wordsOf(spec)}` };
  const apt = fault["health"] === true ? able.filter(({ name }) => withHealth.has(name)) : able;
  if (apt.length === 0)
    return { refusal: `no service that is ${wordsOf(spec)} has a health action that could be made to fail` };
  const seen = fault.kind === "kill-service" ? [] : apt.filter(({ name }) => watched.has(name));
  const service: TopologyService = pick(seen.length > 0 ? seen : apt, random);
  const nodes = service.instances.map(({ node }) => node);
  // A death is the death of one instance; calls go wrong wherever they are answered.
  const hit = fault.kind === "kill-service" ? [pick(nodes, random)] : nodes;
  return {
    words: `service ${service.name} on ${hit.join(", ")}`,
    nodes: hit,
    service: service.name,
    services: [service.name],
  };
}

function chooseNode(
  spec: TargetSpec,
  { nodes, services }: Topology,
  random: () => number,
  { self, here, except }: { self: string; here: boolean; except: string[] },
): TopologyNode | { refusal: string } {
  const carries = (id: string, name: string) =>
    services.some((service) => service.name === name && service.instances.some(({ node }) => node === id));
  const fits = nodes.filter(({ id, organ, status, remote }) => {
    if (status !== "up" || except.includes(id) || (here && remote)) return false;
    if (typeof spec === "object" && "node" in spec) return id === spec.node;
    if (typeof spec === "object" && "service" in spec) return carries(id, spec.service);
    if (id === self || id === ORCHESTRATOR_NODE) return false;
    const wanted = organOf(spec);
    return wanted === undefined || organ === wanted;
  });
  return fits.length > 0
    ? pick(fits, random)
    : { refusal: `no node that is up ${here ? "on this machine " : ""}is ${wordsOf(spec)}` };
}

function ofNode({ services }: Topology, nodes: string[]): Target {
  const own = services.filter(({ instances }) => instances.some(({ node }) => nodes.includes(node)));
  return {
    words: `${nodes.length > 1 ? "nodes" : "node"} ${nodes.join(" and ")}`,
    nodes,
    services: own.map(({ name }) => name),
  };
}

function organOf(spec: TargetSpec): string | undefined {
  if (typeof spec === "object") return "organ" in spec ? spec.organ : undefined;
  const organ = spec.slice("any-".length);
  return organ === "node" || organ === "service" ? undefined : organ;
}

function wordsOf(spec: TargetSpec): string {
  if (typeof spec === "string") return spec.replace("-", " ");
  const [[key, name]] = Object.entries(spec) as [[string, string]];
  return key === "organ" ? `any ${name}` : key === "service" ? `the place of ${name}` : name;
}
