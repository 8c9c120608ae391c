import { type RegisteredService, type RestRoute, type RouteProblem, type Routes, routesOf } from "./routes.ts";

/** Services of which the routes are kept after they went. */
const MOST_ABSENT = 500;

interface Known extends Routes {
  service: RegisteredService;
  present: boolean;
}

/**
 * The routes of all services, also of those that are down at the moment: their routes answer 503 until they are back,
 * because 404 would tell a client never to come again.
 */
export class RouteTable {
  readonly #services = new Map<string, Known>();
  #fingerprint = "";
  routes: RestRoute[] = [];
  problems: RouteProblem[] = [];

  /** Takes over what the registry shows now. Returns whether any route changed. */
  update(services: RegisteredService[]): boolean {
    for (const known of this.#services.values()) known.present = false;
    for (const service of services) {
      this.#services.delete(service.fullName); // keeps the map ordered by when a service was last seen
      this.#services.set(service.fullName, { ...routesOf(service), service, present: true });
    }
    this.#forgetOldest();
    return this.#merge();
  }

  /** The services that have routes, ordered by name. */
  get services(): RegisteredService[] {
    const withRoutes = [...this.#services.values()].filter(({ routes }) => routes.length > 0);
    return withRoutes.map(({ service }) => service).sort((a, b) => (a.fullName < b.fullName ? -1 : 1));
  }

  #forgetOldest(): void {
    const absent = [...this.#services].filter(([, { present }]) => !present);
    for (const [name, { routes }] of absent) if (routes.length === 0) this.#services.delete(name);
    const kept = absent.filter(([, { routes }]) => routes.length > 0);
    for (const [name] of kept.slice(0, Math.max(0, kept.length - MOST_ABSENT))) this.#services.delete(name);
  }

  #merge(): boolean {
    const taken = new Map<string, RestRoute>();
    const problems: RouteProblem[] = [];
    // By name, not by arrival: every gateway must resolve a clash alike.
    const services = [...this.#services].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [, known] of services) {
      problems.push(...known.problems);
      for (const route of known.routes) {
        const shape = `${route.method} ${route.path.toLowerCase().replace(/:\w+/g, ":")}`;
        const first = taken.get(shape);
        if (!first) taken.set(shape, route);
        else if (first.action.name !== route.action.name) {
          const why = `${first.action.name} has this route already`;
          problems.push({ action: route.action.name, rest: route.action.rest, why });
        }
      }
    }
    const routes = [...taken.values()].sort(byPrecision);
    const fingerprint = JSON.stringify([routes, problems, this.services.map(({ metadata }) => metadata)]);
    if (fingerprint === this.#fingerprint) return false;
    this.#fingerprint = fingerprint;
    this.routes = routes;
    this.problems = problems;
    return true;
  }
}

/** Of two routes that fit a path, the one that says more of it goes first: fixed parts before `:name` before `*rest`. */
function byPrecision(a: RestRoute, b: RestRoute): number {
  const [mine, others] = [a.path.split("/"), b.path.split("/")];
  for (let i = 0; i < Math.max(mine.length, others.length); i++) {
    const difference = precision(mine[i]) - precision(others[i]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function precision(part: string | undefined): number {
  if (part === undefined) return 3;
  return part.includes("*") ? 2 : /[:{]/.test(part) ? 1 : 0;
}
