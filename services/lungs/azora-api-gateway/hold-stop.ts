import type { ServiceBroker } from "moleculer";

/** On the broker and not in this module, because a reloaded service has a new copy of its modules. */
const PENDING = Symbol.for("azora.gateway.pending-drains");

interface Holder {
  [PENDING]?: Set<Promise<unknown>>;
}

/** Makes the broker wait for `work` when it stops, before it leaves the bus. */
export function holdStop(broker: ServiceBroker, work: Promise<unknown>): void {
  const holder = broker as Holder;
  if (!holder[PENDING]) {
    const pending = new Set<Promise<unknown>>();
    holder[PENDING] = pending;
    broker.middlewares.add({ name: "GatewayDrain", stopping: () => Promise.all(pending).then(() => {}) });
  }
  const pending = holder[PENDING]!;
  pending.add(work);
  void work.finally(() => pending.delete(work));
}
