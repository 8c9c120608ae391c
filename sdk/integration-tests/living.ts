import { type Check, expect } from "./check.ts";

interface Status {
  status: string;
  why: string;
  launch: { done: boolean; started: number; total: number };
  services: { total: number; healthy: number };
  nodes: { status: string }[];
}

export const living: Check = {
  name: "organism",
  about: "it is launched, and nothing critical is down",
  async run(world) {
    const { status, why, launch, services, nodes } = await world.api<Status>("/orchestrator/status");
    expect(launch.done, `it is still being launched: ${launch.started} of ${launch.total} services`);
    expect(status !== "critical", `it is critical: ${why}`);
    const up = nodes.filter((node) => node.status === "up").length;
    const exception = status === "healthy" ? "" : `; ${status}: ${why}`;
    return `${services.healthy} of ${services.total} services are healthy on ${up} nodes${exception}`;
  },
};
