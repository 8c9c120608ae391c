import type { Topology } from "../../../../models/topology.ts";
import type { Held } from "./held.ts";
import type { ActionPorts } from "./ports.ts";

const SCALE_MS = 90_000;
const ORDER_MS = 10_000;

/**
 * Gives nodes or memory back that nobody is lent. What somebody else has changed meanwhile is left as it is: it is his now.
 * @throws where it cannot be done now
 */
export async function giveBack(
  ports: ActionPorts,
  topology: Topology,
  held: Held,
  to: Held["value"] | "release",
): Promise<void> {
  if (held.kind === "nodes") {
    const { organ, before, to: held_ } = held.value;
    const nodes = topology.nodes.filter((one) => one.organ === organ && !one.remote);
    const wanted = to === "release" ? before : (to as typeof held.value).to;
    if (nodes.length !== held_ || nodes.length === wanted) return;
    const movable = topology.services.find((one) => one.organ === organ && !one.singleton && one.kind === "service");
    if (!movable) return;
    const by = wanted - nodes.length;
    const { success, reason } = await ports.heal({
      service: movable.name,
      actionType: by > 0 ? "scale-up" : "scale-down",
      parameters: { by: Math.abs(by), force: true },
      timeout: SCALE_MS,
    });
    if (!success) throw new Error(reason);
  }
  if (held.kind === "memory") {
    for (const { node, before, to: limit } of held.value.nodes) {
      const known = topology.nodes.find(({ id }) => id === node);
      if (!known || known.options?.memoryLimitMB !== limit) continue;
      const parameters = { memoryLimitMB: before, atNextStart: true, force: true };
      const { success, reason } = await ports.heal({
        node,
        actionType: "resource-adjust",
        parameters,
        timeout: ORDER_MS,
      });
      if (!success) throw new Error(reason);
    }
  }
}
