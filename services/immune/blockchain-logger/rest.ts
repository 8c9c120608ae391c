import { CHAIN_ROUTES } from "../../../models/chain-routes.ts";
import { withRoutes as declared } from "../../../runtime/declared-routes.ts";
import type { ChainActions } from "./actions/chain-service.ts";

/** Below the gateway's own mount `/api`. */
export const REST_BASE = "/chain";

export const withRoutes = (actions: ChainActions): ChainActions => declared(actions as never, CHAIN_ROUTES);
