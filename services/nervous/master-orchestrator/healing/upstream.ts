import type { OrganismState, ServiceState } from "../organism-state.ts";

const UP: readonly string[] = ["healthy", "degraded"];

/**
 * The hard dependency because of which a service cannot be well: the first in the chain that is not up. Restarting what
 * stands behind it would help nobody.
 */
export function downDependency(state: OrganismState, service: ServiceState): ServiceState | undefined {
  const seen = new Set<ServiceState>();
  const search = (one: ServiceState): ServiceState | undefined => {
    if (seen.has(one)) return undefined;
    seen.add(one);
    for (const name of one.planned.dependencies) {
      const dependency = state.services.get(name);
      if (!dependency || UP.includes(state.statusOf(dependency))) continue;
      return search(dependency) ?? dependency;
    }
    return undefined;
  };
  return search(service);
}

/** All that a service hard-depends on, near or far, those that others need first. */
export function dependenciesOf(state: OrganismState, service: ServiceState): ServiceState[] {
  const found: ServiceState[] = [];
  const visit = (one: ServiceState): void => {
    for (const name of one.planned.dependencies) {
      const dependency = state.services.get(name);
      if (!dependency || found.includes(dependency) || dependency === service) continue;
      visit(dependency);
      found.push(dependency);
    }
  };
  visit(service);
  return found;
}

export function isUp(state: OrganismState, service: ServiceState): boolean {
  return UP.includes(state.statusOf(service));
}

/** Place in the launch order: dependencies come before those that need them. */
export function rankOf(state: OrganismState): (name: string) => number {
  const ranks = new Map(state.plan.order.flat().map((name, index) => [name, index]));
  return (name) => ranks.get(name) ?? 0;
}

/** Everything that a service needs or uses, near or far. */
export function needsOf(state: OrganismState, name: string): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (one: string): void => {
    const planned = state.services.get(one)?.planned;
    for (const other of [...(planned?.dependencies ?? []), ...(planned?.softDependencies ?? [])]) {
      if (found.has(other)) continue;
      found.add(other);
      visit(other);
    }
  };
  visit(name);
  return found;
}
