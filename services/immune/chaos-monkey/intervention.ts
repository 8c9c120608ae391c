import type { ServiceBroker } from "moleculer";
import type { Topology } from "../../../models/topology.ts";
import { readBus } from "../../../runtime/bus.ts";
import type { Clock } from "../../../runtime/clock.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import type { NodeContext } from "../../../runtime/node-context.ts";
import { isAlive, type ProcessIdentity, signal } from "../../../runtime/process-identity.ts";
import type { FaultSpec } from "./experiment.ts";
import type { Target } from "./target.ts";

/** A fault that was committed. */
export interface Intervention {
  undo(): Promise<string[]>;
  /** True once what was broken is there again, in a new life where it lost its old one. */
  isBack(now: Topology): boolean;
}

export interface InterventionRequest {
  run: string;
  fault: FaultSpec;
  target: Target;
  before: Topology;
  /** ms */
  duration: number;
}

const INJECT_TIMEOUT_MS = 5000;
const UNDO_TIMEOUT_MS = 3000;
/** A loop that was blocked shows what followed only when it is free again, ms. */
const AFTER_BLOCK_MS = 200;

/** Commits a fault. Where a part of it fails, the rest is taken back before the error is thrown. */
export async function intervene(
  broker: ServiceBroker,
  { organism, mesh }: NodeContext,
  clock: Clock,
  request: InterventionRequest,
): Promise<Intervention> {
  const { fault } = request;
  switch (fault.kind) {
    case "kill-node":
    case "kill-orchestrator":
      return strikeNode(broker, request, "SIGKILL");
    case "stop-node":
    case "stop-orchestrator":
      return strikeNode(broker, request, "SIGSTOP");
    case "kill-spine": {
      const spine = mesh.peer("spine");
      if (!spine) throw new AzoraError("CHAOS_REFUSED", "The spine is not on the mesh just now");
      strike(spine, "SIGKILL", "the spine");
      const isBack = () => mesh.peer("spine") !== undefined && mesh.peer("spine")!.instanceId !== spine.instanceId;
      return { undo: async () => [], isBack };
    }
    case "kill-nats": {
      const server = () => {
        const bus = readBus(organism.runFolder);
        return bus?.kind === "nats" ? bus.server?.process : undefined;
      };
      const killed = server();
      if (!killed) throw new AzoraError("CHAOS_REFUSED", "There is no nats-server of our own: the bus is another");
      strike(killed, "SIGKILL", "nats-server");
      return { undo: async () => [], isBack: () => server() !== undefined && server()!.pid !== killed.pid };
    }
    default:
      return injectInto(broker, clock, request);
  }
}

async function injectInto(
  broker: ServiceBroker,
  clock: Clock,
  { run, fault, target, before, duration }: InterventionRequest,
): Promise<Intervention> {
  const { kind, target: _target, peer: _peer, ...parameters } = fault;
  const undo = () => undoFaults(broker, run, target.nodes);
  const lifeOf = (topology: Topology) => {
    const service = topology.services.find(({ name }) => name === target.service);
    return service?.instances.find(({ node }) => node === target.nodes[0]);
  };
  const life = lifeOf(before)?.incarnation ?? 0;
  try {
    for (const node of target.nodes) {
      const peer = target.peer && target.nodes.find((other) => other !== node);
      const whom = { ...(target.service ? { service: target.service } : {}), ...(peer ? { peer } : {}) };
      const params = { run, duration, fault: { kind, ...parameters, ...whom } };
      await broker.call("node-faults.inject", params, { nodeID: node, timeout: INJECT_TIMEOUT_MS });
    }
  } catch (error) {
    await undo();
    throw error;
  }
  const began = clock.now();
  const isBack = (now: Topology) => {
    if (kind === "block-loop") {
      const pidOf = ({ nodes }: Topology) => nodes.find(({ id }) => id === target.nodes[0])?.pid;
      return pidOf(now) !== pidOf(before) || clock.now() > began + (fault["ms"] as number) + AFTER_BLOCK_MS;
    }
    if (kind !== "kill-service") return true;
    const instance = lifeOf(now);
    return instance !== undefined && instance.incarnation > life && instance.status === "healthy";
  };
  return { undo, isBack };
}

/** Ends all faults of a run on these nodes, and wherever else it is heard. A node that does not answer undoes by itself. */
export async function undoFaults(broker: ServiceBroker, run: string, nodes: readonly string[]): Promise<string[]> {
  const asked = nodes.map(async (node) => {
    try {
      const how = await broker.call("node-faults.undo", { run }, { nodeID: node, timeout: UNDO_TIMEOUT_MS });
      return (how as string[]).map((one) => `${node}: ${one}`);
    } catch (error) {
      return [`${node}: ${(error as Error).message}; its faults end by themselves`];
    }
  });
  const told = (await Promise.all(asked)).flat();
  await broker.broadcast("chaos.over", { run });
  return told;
}

async function strikeNode(
  broker: ServiceBroker,
  { target, before }: InterventionRequest,
  name: "SIGKILL" | "SIGSTOP",
): Promise<Intervention> {
  const id = target.nodes[0]!;
  const identity = identityOf(broker, id, before);
  strike(identity, name, id);
  return {
    async undo() {
      if (name !== "SIGSTOP" || !isAlive(identity)) return [];
      signal(identity, "SIGCONT");
      return [`${id}: goes on`];
    },
    isBack: ({ nodes }) => nodes.some((node) => node.id === id && node.status === "up" && node.pid !== identity.pid),
  };
}

/** The process of a node as the orchestrator and the node itself name it; they must name the same. */
function identityOf(broker: ServiceBroker, id: string, { nodes }: Topology): ProcessIdentity {
  const told = nodes.find((node) => node.id === id)!;
  const known = broker.registry.nodes.get(id) as { metadata?: Partial<ProcessIdentity> } | undefined;
  const { pid, startTime, bootId } = known?.metadata ?? {};
  if (told.remote || pid === undefined || pid !== told.pid || !startTime || !bootId)
    throw new AzoraError(
      "CHAOS_REFUSED",
      `The process of ${id} is not known for certain; nothing is killed on a guess`,
    );
  return { pid, startTime, bootId };
}

function strike(identity: ProcessIdentity, name: "SIGKILL" | "SIGSTOP", what: string): void {
  if (!signal(identity, name)) throw new AzoraError("CHAOS_REFUSED", `The process of ${what} is gone already`);
}
