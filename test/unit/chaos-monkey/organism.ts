import type { Topology, TopologyNode, TopologyService } from "../../../models/topology.ts";
import type { Experiment } from "../../../services/immune/chaos-monkey/experiment.ts";
import { knownNode, knownService } from "../../support/topology.ts";

export function service(name: string, node: string, more: Partial<TopologyService> = {}): TopologyService {
  const instances = [{ node, pid: 1, incarnation: 1, status: "healthy" }];
  return knownService(name, { organ: node.split("-")[0]!, why: "its instance is healthy", instances, ...more });
}

export function node(id: string, more: Partial<TopologyNode> = {}): TopologyNode {
  const pid = [...id].reduce((sum, character) => sum * 31 + character.charCodeAt(0), 7) % 30_000;
  return knownNode(id, [], { pid, ...more });
}

/** ledger (critical, heart) ← vault (heart), judge (brain) ← crane (muscles); bell alone. */
export function organism(): Topology {
  return {
    epoch: 1,
    launched: true,
    status: "healthy",
    why: "all services are healthy",
    replicas: {},
    services: [
      service("master-orchestrator", "nervous-1", { runtimeSystem: true, priority: "critical" }),
      service("chaos-monkey", "immune-1", { runtimeSystem: true }),
      service("ledger", "heart-1", { priority: "critical" }),
      service("vault", "heart-1", { dependencies: ["ledger"] }),
      service("judge", "brain-1", { dependencies: ["ledger"], priority: "critical" }),
      service("crane", "muscles-1", { dependencies: ["judge"] }),
      service("bell", "nervous-2"),
      service("printer", "muscles-1", { kind: "program" }),
    ],
    nodes: ["brain-1", "heart-1", "immune-1", "muscles-1", "nervous-1", "nervous-2"].map((id) => node(id)),
  };
}

/** The organism with some services in another status. */
export function ill(statuses: Record<string, string>, status = "degraded"): Topology {
  const topology = organism();
  for (const one of topology.services) one.status = statuses[one.name] ?? one.status;
  for (const one of topology.nodes) one.status = statuses[one.id] ?? one.status;
  return { ...topology, status };
}

export function experiment(more: Partial<Experiment> = {}): Experiment {
  return {
    name: "an-experiment",
    description: "It breaks something.",
    steadyState: { hypothesis: "It is healed.", checks: [{ kind: "healthy-within", ms: 5000 }] },
    fault: { kind: "fail-calls", target: { service: "ledger" } },
    blastRadius: { services: 0, nodes: 0 },
    duration: 3000,
    stop: [],
    ...more,
  };
}
