import type { ServiceBroker } from "moleculer";
import type { ServiceRoute } from "../../../../models/service-route.ts";
import { asking } from "./asking.ts";
import type { ApiRequest, Route } from "./routes.ts";

export interface Passing {
  service: string;
  /** Where its routes begin. */
  mount: string;
  routes: readonly ServiceRoute[];
  /** What an action is told beside what was asked. @default nothing */
  told?(action: string, request: ApiRequest): Record<string, unknown>;
  /** @default as it comes */
  answer?(action: string, answer: unknown, request: ApiRequest): unknown;
}

/** Routes of a service, as the gateway has them. They only pass on. */
export function passedRoutes(broker: ServiceBroker, { service, mount, routes, told, answer }: Passing): Route[] {
  const ask = asking(broker);
  return routes.map(({ method, path, action, access, timeout, longestBody }) => ({
    method,
    path: mount + path,
    control: access === "control",
    ...(longestBody === undefined ? {} : { longestBody }),
    async handle(request) {
      const { params, query, body } = request;
      const asked = { ...Object.fromEntries(query), ...body, ...params, ...told?.(action, request) };
      const found = await ask(`${service}.${action}`, asked, timeout);
      return answer ? answer(action, found, request) : found;
    },
  }));
}
