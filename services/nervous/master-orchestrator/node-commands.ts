import type { ServiceBroker } from "moleculer";
import type { PlannedService } from "../../../runtime/discovery/plan.ts";
import type { SlotState } from "../../../runtime/node-host/slots.ts";

/** What a node saw before and after a remedy, in words. */
export interface Seen {
  before: string;
  after: string;
}

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

  /** @param drainTimeout time for calls in flight, ms; the node's own default where it is left out */
  restart(node: string, name: string, incarnation: number, fresh: boolean, drainTimeout?: number): Promise<SlotState> {
    return this.#call(node, "restart", {
      name,
      incarnation,
      fresh,
      ...(drainTimeout === undefined ? {} : { drainTimeout }),
    });
  }

  unload(node: string, name: string, drainTimeout?: number): Promise<void> {
    return this.#call(node, "unload", { name, ...(drainTimeout === undefined ? {} : { drainTimeout }) });
  }

  /** Makes connections of the node, or of one of its services, anew. */
  reconnect(node: string, name: string | undefined, what: readonly string[], timeout: number): Promise<Seen> {
    return this.#call(node, "reconnect", { ...(name ? { name } : {}), what }, timeout);
  }

  clearCache(node: string, name: string, timeout: number): Promise<Seen> {
    return this.#call(node, "clearCache", { name }, timeout);
  }

  /** @param concurrency most calls of the service at once on the node; null for any number */
  limit(node: string, name: string, concurrency: number | null): Promise<Seen> {
    return this.#call(node, "limit", { name, concurrency }, 5000);
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
