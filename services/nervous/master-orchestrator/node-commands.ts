import type { ServiceBroker } from "moleculer";
import type { PlannedService } from "../../../runtime/discovery/plan.ts";
import type { SlotState } from "../../../runtime/node-host/slots.ts";

/** Commands to the node hosts, each with the orchestrator's epoch. */
export class NodeCommands {
  readonly #broker: ServiceBroker;
  epoch: number;

  constructor(broker: ServiceBroker, epoch: number) {
    this.#broker = broker;
    this.epoch = epoch;
  }

  /** True once the node's host can be called. */
  reachable(node: string): boolean {
    // Null where other nodes have the action.
    return this.#broker.registry.getActionEndpointByNodeId("node-host.load", node) != null;
  }

  state(node: string): Promise<{ epoch: number; slots: SlotState[] }> {
    return this.#call(node, "state", {}, 5000);
  }

  load(node: string, { name, renamed }: PlannedService, file: string, incarnation: number): Promise<SlotState> {
    return this.#call(node, "load", { name, file, incarnation, renamed });
  }

  restart(node: string, name: string, incarnation: number, fresh: boolean): Promise<SlotState> {
    return this.#call(node, "restart", { name, incarnation, fresh });
  }

  unload(node: string, name: string): Promise<void> {
    return this.#call(node, "unload", { name });
  }

  /** @param comingBack calls to the node's services are held until it is there again */
  shutdown(node: string, comingBack: boolean): Promise<void> {
    return this.#call(node, "shutdown", { comingBack }, 5000);
  }

  #call<T>(node: string, action: string, params: Record<string, unknown>, timeout = 0): Promise<T> {
    return this.#broker.call(
      `node-host.${action}`,
      { ...params, epoch: this.epoch },
      { nodeID: node, timeout },
    ) as Promise<T>;
  }
}
