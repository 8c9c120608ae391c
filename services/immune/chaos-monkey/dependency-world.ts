import type { ServiceBroker } from "moleculer";
import type { CallPair } from "../../../runtime/faults/call-faults.ts";
import { untilCalm } from "./calm.ts";
import type { DependencyWorld } from "./dependency-run.ts";
import { undoFaults } from "./intervention.ts";
import type { World } from "./world.ts";

const TIMEOUT_MS = 5000;

/** The world as the check of dependencies sees it. */
export function dependencyWorld(broker: ServiceBroker, world: World): DependencyWorld {
  const onNode = <T>(node: string, action: string, params: object): Promise<T> =>
    broker.call(`node-faults.${action}`, params, { nodeID: node, timeout: TIMEOUT_MS }) as Promise<T>;
  return {
    clock: world.clock,
    topology: world.topology,
    call: world.call,
    untilCalm: (within, isStopped) => untilCalm(world, within, isStopped),
    inject: (node, run, duration, fault) => onNode(node, "inject", { run, duration, fault }),
    undo: (run, nodes) => undoFaults(broker, run, nodes),
    pairs: async (node) => (await onNode<{ pairs: CallPair[] }>(node, "calls", {})).pairs,
  };
}
