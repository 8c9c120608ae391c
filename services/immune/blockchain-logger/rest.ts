import { CHAIN_ROUTES } from "../../../models/chain-routes.ts";
import type { ChainActions } from "./actions/chain-service.ts";

/** Below the gateway's own mount `/api`. */
export const REST_BASE = "/chain";

/** The actions with their routes, as the gateway wants them declared. */
export function withRoutes(actions: ChainActions): ChainActions {
  return Object.fromEntries(
    Object.entries(actions).map(([name, action]) => {
      const rest = CHAIN_ROUTES.filter((route) => route.action === name).map(({ method, path, access }) => ({
        method,
        path,
        operator: access !== "open",
      }));
      return [name, rest.length === 0 ? action : { ...action, rest: rest as never }];
    }),
  );
}
