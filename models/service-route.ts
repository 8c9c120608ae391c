/**
 * A route that a service has over HTTP, the same on the gateway and on the orchestrator's server. Shapes only: the service
 * declares its routes to the gateway, and the orchestrator passes them on.
 */
export interface ServiceRoute {
  method: "GET" | "POST";
  /** Below the service's mount. `:name` is one part of the path, `*name` all that is left of it. */
  path: string;
  /** Name of the action, without the service's. */
  action: string;
  access: RouteAccess;
  /** Longest time that it may take, ms. @default 10000 */
  timeout?: number;
  /** Longest body that the orchestrator's server takes, bytes. @default 65536 */
  longestBody?: number;
}

/**
 * `open`: anybody may read it. `contents`: the gateway wants the operator's token, and the orchestrator's server where its
 * settings say so. `control`: changes something; both servers want the token.
 */
export type RouteAccess = "open" | "contents" | "control";
