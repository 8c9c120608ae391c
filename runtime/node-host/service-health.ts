import type { ServiceBroker } from "moleculer";
import type { Slot } from "./slots.ts";

export type HealthStatus = "healthy" | "degraded" | "unhealthy";

/** One answer of one service. */
export interface HealthAnswer {
  name: string;
  incarnation: number;
  status: HealthStatus;
  /** ms; 0 where the service has no `health` action and its node answered for it. */
  responseTime: number;
  /** s since the service started. */
  uptime: number;
  checks: Record<string, unknown>;
  /** True where no answer came in time. */
  late?: boolean;
}

const STATUSES: readonly string[] = ["healthy", "degraded", "unhealthy"];

/** Asks a service how it is. Throwing or not answering in time is unhealthy; having no `health` action is healthy. */
export async function askHealth(broker: ServiceBroker, slot: Slot, timeout: number): Promise<HealthAnswer> {
  const { name, incarnation, startedAt, service } = slot;
  const answer = (status: HealthStatus, checks: Record<string, unknown>, since?: number): HealthAnswer => ({
    name,
    incarnation,
    status,
    responseTime: since === undefined ? 0 : Math.round((performance.now() - since) * 10) / 10,
    uptime: startedAt ? Math.round((Date.now() - startedAt) / 1000) : 0,
    checks,
  });
  if (slot.status === "failed") return answer("unhealthy", { start: slot.error ?? "failed" });
  // Its own code, or an experiment, has destroyed it without telling its host.
  if (!broker.services.includes(service!))
    return answer("unhealthy", { service: "it is no longer in its node's broker" });
  const { actions } = (service as unknown as { schema: { actions?: Record<string, unknown> } }).schema;
  if (!actions?.["health"]) return answer("healthy", {});
  const start = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), timeout);
  });
  try {
    const result = await Promise.race([broker.call(`${name}.health`, {}, { nodeID: broker.nodeID }), late]);
    if (result === "late")
      return { ...answer("unhealthy", { health: `no answer within ${timeout} ms` }, start), late: true };
    const { status, checks } = (result ?? {}) as { status?: string; checks?: Record<string, unknown> };
    return answer(STATUSES.includes(status ?? "") ? (status as HealthStatus) : "healthy", checks ?? {}, start);
  } catch (error) {
    return answer("unhealthy", { health: (error as Error).message }, start);
  } finally {
    clearTimeout(timer);
  }
}
