import type { ServiceRoute } from "../models/service-route.ts";

/** A service's actions with their routes, as the gateway wants them declared. */
export function withRoutes<T extends Record<string, object>>(actions: T, routes: readonly ServiceRoute[]): T {
  return Object.fromEntries(
    Object.entries(actions).map(([name, action]) => {
      const rest = routes
        .filter((route) => route.action === name)
        .map(({ method, path, access }) => ({ method, path, operator: access !== "open" }));
      return [name, rest.length === 0 ? action : { ...action, rest }];
    }),
  ) as T;
}
