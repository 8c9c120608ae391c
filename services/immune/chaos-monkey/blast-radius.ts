import type { Topology } from "../../../models/topology.ts";
import type { BlastRadius } from "./experiment.ts";
import type { Target } from "./target.ts";
import { dependentsOf, isWell } from "./topology.ts";

/** What is ill besides the target, of what was well before. */
export interface Damage {
  services: string[];
  /** Those of the services that are critical. */
  critical: string[];
  nodes: string[];
}

/** Services that may be ill without counting. */
export function allowedServices(before: Topology, target: Target, radius: BlastRadius): Set<string> {
  const own = new Set(target.services);
  if (radius.services === "all") for (const { name } of before.services) own.add(name);
  if (radius.services === "dependents") for (const name of dependentsOf(before.services, own)) own.add(name);
  return own;
}

export function damageOf(before: Topology, now: Topology, target: Target, radius: BlastRadius): Damage {
  const allowed = allowedServices(before, target, radius);
  const wasWell = new Set(before.services.filter(({ status }) => isWell(status)).map(({ name }) => name));
  const ill = now.services.filter(({ name, status }) => wasWell.has(name) && !isWell(status) && !allowed.has(name));
  const wasUp = new Set(before.nodes.filter(({ status }) => status === "up").map(({ id }) => id));
  return {
    services: ill.map(({ name }) => name),
    critical: ill.filter(({ priority }) => priority === "critical").map(({ name }) => name),
    nodes: now.nodes
      .filter(({ id, status }) => wasUp.has(id) && status !== "up" && !target.nodes.includes(id))
      .map(({ id }) => id),
  };
}

/** Why the damage is more than the experiment may do, or nothing. */
export function beyond(damage: Damage, radius: BlastRadius): string | undefined {
  const most = typeof radius.services === "number" ? radius.services : 0;
  if (damage.critical.length > 0)
    return `critical ${listed(damage.critical)} is ill, which the experiment is not about`;
  if (damage.services.length > most)
    return `${damage.services.length} services besides the target are ill, and ${most} may be: ${listed(damage.services)}`;
  if (damage.nodes.length > radius.nodes)
    return `${damage.nodes.length} nodes besides the target are down, and ${radius.nodes} may be: ${listed(damage.nodes)}`;
  return undefined;
}

function listed(names: string[]): string {
  return names.length > 5 ? `${names.slice(0, 5).join(", ")} and ${names.length - 5} more` : names.join(", ");
}
