import type { ServiceBroker } from "moleculer";
import type { Mesh } from "./mesh/mesh.ts";
import type { Organism } from "./organism.ts";

/** What a runtime system may use of the process that it lives in, beyond its broker. */
export interface NodeContext {
  organism: Organism;
  mesh: Mesh;
}

const contexts = new WeakMap<ServiceBroker, NodeContext>();

export function provideNodeContext(broker: ServiceBroker, context: NodeContext): void {
  contexts.set(broker, context);
}

/** Throws where the service does not run in a node of an organism. */
export function nodeContext(broker: ServiceBroker): NodeContext {
  const context = contexts.get(broker);
  if (!context) throw new Error(`${broker.nodeID} is no node of an organism; start it with "azora up"`);
  return context;
}

/** Undefined on a node that joined from another machine, and where there is no organism. */
export function findNodeContext(broker: ServiceBroker): NodeContext | undefined {
  return contexts.get(broker);
}
