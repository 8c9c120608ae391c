/** What the registry tells of a service; remote ones arrive as JSON in INFO packets. */
export interface RegisteredService {
  fullName: string;
  settings?: { rest?: unknown } | null;
  metadata?: { description?: unknown } | null;
  actions?: Record<string, RegisteredAction>;
}

export interface RegisteredAction {
  name: string;
  rawName?: string;
  rest?: unknown;
  visibility?: string | null;
  params?: unknown;
  description?: unknown;
  summary?: unknown;
  deprecated?: unknown;
}

export const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] as const;
export type Method = (typeof METHODS)[number];

/** One way to reach an action: `PUT /users/:id` → `user-management.update`. */
export interface RestRoute {
  /** `*`: all methods. */
  method: Method | "*";
  /** Below the mount point, in path-to-regexp 8 syntax. */
  path: string;
  service: string;
  action: RegisteredAction;
  /** Needs the operator's token. @default false */
  operator?: boolean;
}

/** A `rest` declaration that cannot be served, and why. */
export interface RouteProblem {
  action: string;
  rest: unknown;
  why: string;
}

export interface Routes {
  routes: RestRoute[];
  problems: RouteProblem[];
}

/** The routes of one service, of its published actions with a `rest` declaration only. */
export function routesOf(service: RegisteredService): Routes {
  const found: Routes = { routes: [], problems: [] };
  for (const action of Object.values(service.actions ?? {})) {
    if (!action.rest || (action.visibility != null && action.visibility !== "published")) continue;
    for (const rest of [action.rest].flat()) {
      for (const base of basePaths(service)) {
        const route = parseRest(rest, base, action.rawName ?? action.name);
        if ("why" in route) found.problems.push({ action: action.name, rest, why: route.why });
        else found.routes.push({ ...route, service: service.fullName, action });
      }
    }
  }
  return found;
}

function basePaths({ settings, fullName }: RegisteredService): string[] {
  const declared = [settings?.rest].flat().filter((path) => typeof path === "string");
  return declared.length > 0 ? declared : [fullName.replaceAll(".", "/")];
}

type Parsed = Pick<RestRoute, "method" | "path" | "operator"> | { why: string };

function parseRest(rest: unknown, base: string, rawName: string): Parsed {
  if (typeof rest === "string") {
    const [first, second] = rest.trim().split(/\s+/);
    return second === undefined ? checked("*", `${base}/${first}`) : checked(first!, `${base}/${second}`);
  }
  if (typeof rest !== "object" || rest === null) return { why: "must be a string or an object" };
  const { method = "*", path = `/${rawName}`, basePath = base, fullPath, operator } = rest as Record<string, unknown>;
  if (fullPath !== undefined) return { why: "fullPath is not supported: every route is below the gateway's own mount" };
  if (operator !== undefined && typeof operator !== "boolean") return { why: "operator must be true or false" };
  return checked(String(method), `${basePath}/${path}`, operator);
}

function checked(method: string, path: string, operator = false): Parsed {
  const known = [...METHODS, "*" as const].find((candidate) => candidate === method.toUpperCase());
  if (!known) return { why: `${method} is not one of ${METHODS.join(", ")}` };
  const normal = `/${path}`.replace(/\/{2,}/g, "/").replace(/(?<=.)\/$/, "");
  if (/[\s?#]/.test(normal)) return { why: "a path holds no white space, ? or #" };
  return { method: known, path: normal, operator };
}
