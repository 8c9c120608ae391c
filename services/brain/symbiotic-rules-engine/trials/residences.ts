import { SYSTEMS } from "../../../../models/metrics.ts";
import type { Topology } from "../../../../models/topology.ts";
import type { Residences } from "../../../../runtime/rules/conflicts/on-organs.ts";

/** Where services are at home now, by their names and aliases. */
export function residencesOf({ services, nodes }: Pick<Topology, "services" | "nodes">): Residences {
  const up = nodes.filter(({ status }) => status === "up");
  return new Map(
    services.flatMap(({ name, aliases, kind, organ: home, singleton, instances }) => {
      const organ = SYSTEMS.find((system) => system === home);
      if (!organ) return [];
      const on = new Set(instances.map(({ node }) => node));
      const isOnAllNodes = up.every((node) => node.organ !== organ || on.has(node.id));
      const residence = { organ, isScalable: kind === "service" && !singleton, isOnAllNodes };
      return [name, ...aliases].map((one) => [one, residence] as const);
    }),
  );
}
