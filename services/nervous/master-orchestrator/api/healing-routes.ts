import type { ServiceBroker } from "moleculer";
import { asking } from "./asking.ts";
import type { Route } from "./routes.ts";

/** Actions of healing may take their own time; the healer bounds it. */
const LONGEST_MS = 11 * 60_000;

/** The routes of the healer and of chaos: they only pass on, and say so where that service is away. */
export function healingRoutes(broker: ServiceBroker): Route[] {
  const ask = asking(broker);
  const query = (given: URLSearchParams): Record<string, unknown> => {
    const params: Record<string, unknown> = Object.fromEntries(given);
    if (typeof params["limit"] === "string") params["limit"] = Number(params["limit"]);
    return params;
  };
  return [
    {
      method: "POST",
      path: "/orchestrator/heal",
      control: true,
      handle: ({ body }) => ask("auto-healer.execute", body, LONGEST_MS),
    },
    { method: "GET", path: "/orchestrator/heal/actions", handle: () => ask("auto-healer.actions") },
    {
      method: "GET",
      path: "/orchestrator/heal/cases",
      handle: (request) => ask("auto-healer.cases", query(request.query)),
    },
    {
      method: "GET",
      path: "/orchestrator/heal/explain/:id",
      handle: ({ params }) => ask("auto-healer.explain", { id: params["id"] }),
    },
    {
      method: "GET",
      path: "/orchestrator/heal/story/:name",
      handle: ({ params }) => ask("auto-healer.story", { name: params["name"] }),
    },
    { method: "GET", path: "/orchestrator/heal/learning", handle: () => ask("auto-healer.learning") },
    { method: "GET", path: "/orchestrator/heal/forecasts", handle: () => ask("auto-healer.forecasts") },
    {
      method: "GET",
      path: "/orchestrator/recover/:service",
      handle: ({ params }) => ask("phoenix-server.plan", { service: params["service"] }),
    },
    {
      method: "POST",
      path: "/orchestrator/recover/:service",
      control: true,
      handle: ({ params }) => ask("phoenix-server.recover", { service: params["service"] }, LONGEST_MS),
    },
    { method: "GET", path: "/orchestrator/chaos/experiments", handle: () => ask("chaos-monkey.experiments") },
    {
      method: "POST",
      path: "/orchestrator/chaos/run",
      control: true,
      handle: ({ body }) => ask("chaos-monkey.run", body, LONGEST_MS),
    },
    {
      method: "GET",
      path: "/orchestrator/chaos/reports",
      handle: (request) => ask("chaos-monkey.reports", query(request.query)),
    },
    {
      method: "GET",
      path: "/orchestrator/chaos/reports/:id",
      handle: ({ params }) => ask("chaos-monkey.report", { id: params["id"] }),
    },
    {
      method: "POST",
      path: "/orchestrator/chaos/dependencies",
      control: true,
      handle: ({ body }) => ask("chaos-monkey.dependencies", body, LONGEST_MS),
    },
    {
      method: "POST",
      path: "/orchestrator/chaos/stop",
      control: true,
      handle: ({ body }) => ask("chaos-monkey.stop", body),
    },
  ];
}
