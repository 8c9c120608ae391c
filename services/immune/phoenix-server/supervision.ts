import type { Strategy } from "../../../models/healing-metadata.ts";

/** A service as its supervisor sees it. */
export interface Supervised {
  name: string;
  aliases: string[];
  strategy: Strategy;
  status: string;
  /** Hard dependencies. */
  dependencies: string[];
  nodes: string[];
  runtimeSystem: boolean;
}

export interface RecoveryStep {
  service: string;
  /** Why it is restarted, and why at this place. */
  why: string;
}

const UP: readonly string[] = ["healthy", "degraded"];

/**
 * Who is restarted with a service that failed and came back, in launch order. As in OTP: nobody (`one-for-one`); those
 * that depend on it, near or far, because they hold what the earlier life gave them (`rest-for-one`); all that share a
 * node with it (`one-for-all`). Nobody is started who was not up, and no system that runs the organism.
 */
export function restFor(failed: string, services: readonly Supervised[]): RecoveryStep[] {
  const own = services.find(({ name }) => name === failed);
  if (!own || own.strategy === "one-for-one") return [];
  const candidates =
    own.strategy === "rest-for-one"
      ? dependentsOf(failed, services).map((one) => ({ one, why: `it depends on ${failed} (rest-for-one)` }))
      : services
          .filter(({ nodes }) => nodes.some((node) => own.nodes.includes(node)))
          .map((one) => ({ one, why: `it shares a node with ${failed} (one-for-all)` }));
  const wanted = candidates.filter(({ one }) => one !== own && UP.includes(one.status) && !one.runtimeSystem);
  return inLaunchOrder(
    wanted.map(({ one }) => one),
    services,
  ).map(({ name }) => ({ service: name, why: wanted.find(({ one }) => one.name === name)!.why }));
}

/** What a recovery does: dependencies that have failed first, then the service, then those that go with it. */
export function recoveryPlan(service: string, services: readonly Supervised[]): RecoveryStep[] {
  const own = services.find(({ name }) => name === service);
  if (!own) return [];
  const failed = dependenciesOf(service, services).filter(({ status }) => !UP.includes(status) && status !== "stopped");
  return [
    ...inLaunchOrder(failed, services).map(({ name, status }) => ({
      service: name,
      why: `${service} needs it, and it is ${status}`,
    })),
    { service, why: "it is what is to recover" },
    ...restFor(service, services),
  ];
}

function dependenciesOf(name: string, services: readonly Supervised[]): Supervised[] {
  return reach(name, services, (one) => one.dependencies);
}

function dependentsOf(name: string, services: readonly Supervised[]): Supervised[] {
  return reach(name, services, (one) =>
    services.filter(({ dependencies }) => dependencies.includes(one.name)).map((other) => other.name),
  );
}

function reach(name: string, services: readonly Supervised[], next: (one: Supervised) => string[]): Supervised[] {
  const byName = new Map(services.map((one) => [one.name, one]));
  const found = new Set<Supervised>();
  const visit = (one: Supervised | undefined): void => {
    for (const other of one ? next(one) : []) {
      const service = byName.get(other);
      if (!service || found.has(service) || other === name) continue;
      found.add(service);
      visit(service);
    }
  };
  visit(byName.get(name));
  return [...found];
}

/** Dependencies before those that need them; the order of the list decides otherwise. */
function inLaunchOrder(wanted: readonly Supervised[], services: readonly Supervised[]): Supervised[] {
  const ordered: Supervised[] = [];
  const visit = (one: Supervised): void => {
    if (ordered.includes(one)) return;
    for (const other of dependenciesOf(one.name, services)) if (wanted.includes(other)) visit(other);
    ordered.push(one);
  };
  for (const one of wanted) visit(one);
  return ordered;
}
