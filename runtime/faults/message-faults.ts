import type { ServiceBroker } from "moleculer";
import type { Clock } from "../clock.ts";
import { evenly } from "./evenly.ts";
import type { NodeFault } from "./node-fault.ts";

export type MessageFault = Extract<NodeFault, { kind: "drop-messages" | "delay-messages" }>;

interface Packet {
  payload?: { sender?: string; id?: string; action?: string };
}
type MessageHandler = (command: string, packet: Packet) => unknown;

/** What undoes the fault must reach the node. */
const OWN = /^(node-faults|chaos-monkey)\./;
/** Packets that may be under way to this node, later than they came. */
const MAX_DELAYED = 100_000;

/**
 * Loses or delays what comes from certain nodes. It acts where a packet arrives, so that one cut is the same on the mesh
 * and on NATS, for calls and for broadcasts; a cut in both directions is one fault on each of the two nodes.
 */
export class MessageFaults {
  readonly #clock: Clock;
  readonly #active = new Map<string, { fault: MessageFault; due: () => boolean; hits: number }>();
  #delayed = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(fault: MessageFault): { undo(): void; hits(): number } {
    const share = fault.kind === "drop-messages" ? fault.share : 1;
    const active = { fault, due: evenly(share), hits: 0 };
    this.#active.set(fault.peer, active);
    return {
      undo: () => {
        if (this.#active.get(fault.peer) === active) this.#active.delete(fault.peer);
      },
      hits: () => active.hits,
    };
  }

  isCut(peer: string): boolean {
    return this.#active.has(peer);
  }

  wrap(broker: () => ServiceBroker, next: MessageHandler): MessageHandler {
    return (command, packet) => {
      if (this.#active.size === 0) return next(command, packet);
      const active = this.#active.get(packet.payload?.sender ?? "");
      if (!active || isOwn(broker(), command, packet) || !active.due()) return next(command, packet);
      if (active.fault.kind === "drop-messages" || this.#delayed >= MAX_DELAYED) {
        active.hits++;
        return Promise.resolve(false);
      }
      active.hits++;
      this.#delayed++;
      this.#clock.after(active.fault.ms, () => {
        this.#delayed--;
        next(command, packet);
      });
      return Promise.resolve(true);
    };
  }
}

function isOwn(broker: ServiceBroker, command: string, { payload }: Packet): boolean {
  if (command === "REQ") return OWN.test(payload?.action ?? "");
  if (command !== "RES") return false;
  const pending = broker.transit?.pendingRequests as Map<string, { action: { name: string } }> | undefined;
  return OWN.test(pending?.get(payload?.id ?? "")?.action.name ?? "");
}
