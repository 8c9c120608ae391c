import { type ServiceBroker, Transporters } from "moleculer";
import { AzoraError } from "../errors.ts";
import type { Mesh } from "./mesh.ts";

/** The packet as Moleculer hands it to a transporter's `send`. */
interface OutgoingPacket {
  type: string;
  target?: string | null;
  /** Set where it went nowhere: who counts what is sent does not count it. */
  unsent?: boolean;
}

/** Moleculer's transporter over the mesh: no server, no port; for an organism on one machine without a bus. */
export class MeshTransporter extends Transporters.Base {
  readonly #mesh: Mesh;

  constructor(mesh: Mesh) {
    super({});
    this.#mesh = mesh;
  }

  override connect(): Promise<void> {
    this.#mesh.on("packet", (command, payload) => this.receive(command, payload));
    return this.onConnected(false) as Promise<void>;
  }

  override disconnect(): Promise<void> {
    this.connected = false;
    return Promise.resolve();
  }

  /** Every peer sends straight to us; there is nothing to subscribe to. */
  override subscribe(): Promise<void> {
    return Promise.resolve();
  }

  /** Moleculer's own balancer chooses the node, so these are never used. */
  override subscribeBalancedRequest(): Promise<void> {
    return Promise.resolve();
  }

  override subscribeBalancedEvent(): Promise<void> {
    return Promise.resolve();
  }

  override send(_topic: string, payload: Buffer, meta: { packet: OutgoingPacket }): Promise<void> {
    const { type, target } = meta.packet;
    if (!target) this.#mesh.broadcastPacket(type, payload);
    else if (target === (this.broker as ServiceBroker).nodeID) this.receive(type, payload);
    else if (!this.#mesh.sendPacket(target, type, payload)) {
      meta.packet.unsent = true;
      if (type === "REQ")
        return Promise.reject(
          new AzoraError("SERVICE_UNAVAILABLE", `Node ${target} cannot be reached`, { neverSent: true }),
        );
    }
    return Promise.resolve();
  }
}
