export const SERVICE_STATUSES = [
  "waiting",
  "starting",
  "healthy",
  "degraded",
  "unhealthy",
  "timeout",
  "quarantined",
  "stopped",
] as const;
export type ServiceStatus = (typeof SERVICE_STATUSES)[number];

/**
 * A service's status from those of its instances. It is up while one of them is; some of them down make it degraded.
 */
export function combineStatus(instances: readonly ServiceStatus[]): ServiceStatus {
  if (instances.length === 0) return "waiting";
  const has = (status: ServiceStatus) => instances.includes(status);
  if (instances.every((status) => status === "healthy")) return "healthy";
  if (has("healthy") || has("degraded")) {
    // An instance that is only being added takes nothing away from the others.
    const harmless = instances.every((status) => ["healthy", "starting", "waiting", "stopped"].includes(status));
    return harmless ? "healthy" : "degraded";
  }
  for (const status of ["starting", "unhealthy", "timeout", "quarantined", "waiting"] as const)
    if (has(status)) return status;
  return "stopped";
}

export type OrganismStatus = "launching" | "healthy" | "degraded" | "critical";

/** The whole organism's status, and why in one sentence. */
export function organismStatus(
  launching: boolean,
  services: readonly { name: string; priority: string; status: ServiceStatus; why: string }[],
): { status: OrganismStatus; why: string } {
  const down = services.filter(({ status }) => status !== "healthy");
  const critical = down.filter(({ priority, status }) => priority === "critical" && status !== "degraded");
  const worst = critical[0] ?? down[0];
  const others = (critical.length > 0 ? critical : down).length - 1;
  const why = worst
    ? `${worst.name}: ${worst.why}${others > 0 ? `; and ${others} more` : ""}`
    : "all services are healthy";
  if (launching) return { status: "launching", why: worst ? why : "the last services are starting" };
  if (critical.length > 0) return { status: "critical", why };
  return down.length > 0 ? { status: "degraded", why } : { status: "healthy", why };
}
