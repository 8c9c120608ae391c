import type { Conductor } from "./conductor.ts";
import { ORCHESTRATOR_NODE } from "./placement.ts";

/**
 * Stops everything but the orchestrator's own node: services in the reverse order of their launch, each after its
 * calls in flight have ended, then the processes.
 */
export async function stopOrganism(conductor: Conductor): Promise<void> {
  const { state, services, programs, nodes, fleet } = conductor;
  conductor.beginStop();
  for (const step of [...state.plan.order].reverse()) {
    await Promise.all(
      step.map(async (name) => {
        const service = state.services.get(name);
        if (!service || service.planned.capabilities.includes("orchestrator")) return;
        if (service.planned.kind === "program") {
          await programs.stop(service);
          return;
        }
        await Promise.all([...service.instances.values()].map((instance) => services.unload(service, instance)));
      }),
    );
  }
  const processes = [...state.nodes.values()].filter((node) => node.id !== ORCHESTRATOR_NODE && !node.remote);
  await Promise.all(processes.map((node) => (fleet.get(node.id) ? nodes.stop(node, false) : undefined)));
  conductor.journal.append({ type: "down", at: new Date().toISOString() });
}
