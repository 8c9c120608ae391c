import type { ServiceBroker } from "moleculer";

/** Marks an error of ours: the call was handed to the bus, and nobody knows whether it arrived. */
export const TRANSPORT_LOST = "TRANSPORT_LOST";

interface PendingRequest {
  nodeID: string;
  reject(error: Error): void;
}

/** Fails every remote call of this node that waits for its answer. The failover middleware decides what comes next. */
export function rejectPending(broker: ServiceBroker, reason: string): void {
  const pending = broker.transit?.pendingRequests as Map<string, PendingRequest> | undefined;
  if (!pending) return;
  for (const [id, request] of [...pending]) {
    pending.delete(id);
    request.reject(Object.assign(new Error(`No answer from ${request.nodeID}: ${reason}`), { type: TRANSPORT_LOST }));
  }
}
