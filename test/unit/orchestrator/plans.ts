import { launchOrder } from "../../../runtime/discovery/graph.ts";
import type { Plan, PlannedService } from "../../../runtime/discovery/plan.ts";

/** A planned service with defaults, and its changes. */
export function planned(name: string, change: Partial<PlannedService> = {}): PlannedService {
  return {
    name,
    file: `/p/services/${change.organ ?? "heart"}/${name}.service.ts`,
    kind: "service",
    organ: "heart",
    launchPhase: 4,
    priority: "medium",
    capabilities: [],
    description: "",
    aliases: [],
    dependencies: [],
    renamed: {},
    softDependencies: [],
    absent: [],
    singleton: false,
    isolate: false,
    runtimeSystem: false,
    ...change,
  };
}

export function planOf(services: PlannedService[], foreign = false): Plan {
  const edges = services.flatMap(({ name, dependencies }) =>
    dependencies.map((to) => ({ from: name, to, kind: "hard" as const })),
  );
  return {
    project: { root: "/p", services: "/p/services", foreign },
    services,
    edges,
    order: launchOrder(
      services.map(({ name }) => name),
      edges,
    ),
    notes: [],
  };
}
