import type { Topology } from "../../../../models/topology.ts";
import type { Conductor } from "../conductor.ts";
import { statusView } from "../views.ts";

export function topology(conductor: Conductor): Topology {
  const { state, journal, launch, epoch } = conductor;
  const { status, why } = statusView(conductor);
  return {
    epoch,
    launched: launch.done,
    status,
    why,
    replicas: journal.state.replicas,
    foreign: state.plan.project.foreign,
    services: [...state.services.values()].map((service) => {
      const { planned } = service;
      return {
        name: planned.name,
        kind: planned.kind,
        organ: planned.organ,
        priority: planned.priority,
        status: state.statusOf(service),
        why: state.why(service),
        aliases: planned.aliases,
        capabilities: planned.capabilities,
        runtimeSystem: planned.runtimeSystem,
        singleton: planned.singleton,
        dependencies: planned.dependencies,
        softDependencies: planned.softDependencies,
        healing: planned.healing ?? {},
        instances: [...service.instances.values()].map(({ node, pid, incarnation, status }) => ({
          node,
          pid,
          incarnation,
          status,
        })),
      };
    }),
    nodes: [...state.nodes.values()].map((node) => ({
      id: node.id,
      organ: node.organ,
      status: node.status,
      pid: node.pid,
      host: node.host,
      remote: node.remote,
      incarnation: node.incarnation,
      memory: node.memory,
      cpu: node.cpu,
      services: [...node.services],
      ...(journal.state.nodeOptions[node.id] ? { options: journal.state.nodeOptions[node.id] } : {}),
    })),
  };
}
