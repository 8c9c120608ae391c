import { ORGANS, type Organ } from "../../../runtime/discovery/metadata.ts";
import type { Plan, PlannedService } from "../../../runtime/discovery/plan.ts";

/** The node that carries the orchestrator and the other nervous runtime systems, and nothing else. */
export const ORCHESTRATOR_NODE = "nervous-1";

/** A node as it should be: which organ, which services. */
export interface PlacedNode {
  id: string;
  organ: Organ;
  services: string[];
}

export interface PlacementOptions {
  /** Wanted nodes per organ; what is missing gets its default. */
  replicas: Partial<Record<Organ, number>>;
  /** Nodes that joined from other machines. */
  remote?: { id: string; organ: Organ }[];
  /** Processor cores; bounds the default number of muscles of a foreign project. */
  cores: number;
}

/**
 * Which services run on which nodes. An organ's services run on all of its nodes, singletons on the first. A foreign
 * project's services are spread over the muscles instead: isolated ones alone, the rest balanced by number.
 */
export function place(plan: Plan, { replicas, remote = [], cores }: PlacementOptions): PlacedNode[] {
  const services = plan.services.filter((service) => service.kind === "service");
  const isNervousRuntime = (service: PlannedService) => service.runtimeSystem && service.organ === "nervous";
  const nodes: PlacedNode[] = [
    { id: ORCHESTRATOR_NODE, organ: "nervous", services: services.filter(isNervousRuntime).map(({ name }) => name) },
  ];
  for (const organ of ORGANS) {
    const ofOrgan = services.filter((service) => service.organ === organ && !isNervousRuntime(service));
    const isolated = ofOrgan.filter((service) => service.isolate);
    const shared = ofOrgan.filter((service) => !service.isolate);
    const first = organ === "nervous" ? 2 : 1;
    const spread = plan.project.foreign && organ === "muscles";
    const wanted = replicas[organ] ?? defaultReplicas(plan, organ, shared.length, cores);
    const count = organ === "nervous" ? (shared.length > 0 ? Math.max(1, wanted - 1) : 0) : wanted;
    // Isolated ones come first, so that scaling the others moves none of them.
    for (const [index, { name }] of isolated.entries()) {
      nodes.push({ id: `${organ}-${first + index}`, organ, services: [name] });
    }
    for (let i = 0; i < count; i++) {
      const onThis = spread
        ? shared.filter(
            (service, index) => index % count === i || (!service.singleton && replicas[organ] !== undefined),
          )
        : shared.filter((service) => i === 0 || !service.singleton);
      const id = `${organ}-${first + isolated.length + i}`;
      nodes.push({ id, organ, services: onThis.map(({ name }) => name) });
    }
    for (const { id, organ: its } of remote) {
      if (its === organ)
        nodes.push({ id, organ, services: shared.filter((service) => !service.singleton).map(({ name }) => name) });
    }
  }
  return nodes;
}

/** Azora's own folder has a node for every organ; a foreign one only for those that it uses. */
function defaultReplicas(plan: Plan, organ: Organ, services: number, cores: number): number {
  if (!plan.project.foreign) return organ === "nervous" ? 2 : 1;
  if (services === 0) return 0;
  if (organ === "muscles") return Math.min(cores, services, 4);
  return organ === "nervous" ? 2 : 1;
}

/** Services that stay on one node however many the organ has. */
export function singletonsOf(plan: Plan, organ: Organ): string[] {
  return plan.services.filter((service) => service.organ === organ && service.singleton).map(({ name }) => name);
}
