import type { Service, ServiceBroker } from "moleculer";
import { AzoraError } from "../errors.ts";
import type { VitalsRegistry } from "../vitals/action-vitals.ts";
import { askHealth } from "./service-health.ts";
import { startService, stopService } from "./service-lifecycle.ts";
import type { Slot, SlotState } from "./slots.ts";

/** A service that has just started is asked how it is before it is reported as started. */
const FIRST_HEALTH_TIMEOUT_MS = 2000;

export interface CarrierOptions {
  vitals: VitalsRegistry;
  /** Folder whose modules are loaded afresh with a service. */
  root: string;
}

/** Holds the services of a node: starts and stops them, and tells of it. */
export class Carrier {
  readonly slots = new Map<string, Slot>();
  readonly #broker: ServiceBroker;
  readonly #options: CarrierOptions;
  /** Starts under way, by name; also of slots that nobody wants any longer. */
  readonly #starts = new Map<string, Promise<unknown>>();

  constructor(broker: ServiceBroker, options: CarrierOptions) {
    this.#broker = broker;
    this.#options = options;
  }

  slotOf(service: string): Slot {
    const slot = this.slots.get(service);
    const { nodeID } = this.#broker;
    if (!slot) throw new AzoraError("SERVICE_UNKNOWN", `Node ${nodeID} does not carry ${service}`, { service });
    return slot;
  }

  stateOf(slot: Slot): SlotState {
    const { service: _service, children: _children, generation: _generation, ...rest } = slot;
    return { ...rest, node: this.#broker.nodeID, pid: process.pid };
  }

  async start(slot: Slot): Promise<SlotState> {
    const broker = this.#broker;
    slot.status = "starting";
    delete slot.error;
    try {
      const service = await this.#startAlone(slot);
      slot.service = service;
      slot.startedAt = Date.now();
      slot.status = "started";
      this.#tell(slot, "started");
      return { ...this.stateOf(slot), health: await askHealth(broker, slot, FIRST_HEALTH_TIMEOUT_MS) };
    } catch (error) {
      if (slot.status !== "starting") throw error;
      slot.status = "failed";
      slot.error = (error as Error).message;
      broker.logger.error(`${slot.name} did not start`, error);
      this.#tell(slot, "failed");
      throw new AzoraError("START_FAILED", `${slot.name} did not start: ${slot.error}`, { service: slot.name });
    }
  }

  async stop(slot: Slot, timeout: number): Promise<void> {
    const { service } = slot;
    slot.status = "stopping";
    if (!service) return;
    delete slot.service;
    const { logger } = this.#broker;
    const left = await stopService(this.#broker, service, slot.children, this.#options.vitals, timeout);
    if (left > 0) logger.warn(`${slot.name} was stopped with ${left} calls in flight after ${timeout} ms`);
    this.#tell(slot, "stopped");
  }

  /** Stops everything, what was loaded last first. */
  async stopAll(timeout: number): Promise<void> {
    for (const slot of [...this.slots.values()].reverse()) await this.stop(slot, timeout);
  }

  #tell(slot: Slot, event: string): void {
    void this.#broker.broadcast("node-host.service", { ...this.stateOf(slot), event });
  }

  /** A start that was dropped still has to end: two lives of one name would take each other's place in the registry. */
  async #startAlone(slot: Slot): Promise<Service> {
    const broker = this.#broker;
    while (this.#starts.has(slot.name)) await this.#starts.get(slot.name);
    const started = startService(broker, slot, this.#options.root).then(async (service) => {
      // Nobody wants it any longer: it was unloaded while it started. (A start that is under way cannot be stopped.)
      if (slot.status !== "starting") {
        await broker.destroyService(service);
        throw new AzoraError("CONFLICT", `${slot.name} was stopped while it started`);
      }
      return service;
    });
    const ended = started.then(
      () => {},
      () => {},
    );
    this.#starts.set(slot.name, ended);
    try {
      return await started;
    } finally {
      this.#starts.delete(slot.name);
    }
  }
}
