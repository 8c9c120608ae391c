import { ORGANS, type Organ } from "../../../runtime/discovery/metadata.ts";
import { type Plan, type PlannedService, reservedOrgan } from "../../../runtime/discovery/plan.ts";

/** The node that carries the orchestrator and the other nervous runtime systems, and nothing else. */
export const ORCHESTRATOR_NODE = "nervous-1";

/** A node as it should be: which organ, which services. */
export interface PlacedNode {
  id: string;
  organ: Organ;
  services: string[];
}

export interface PlacementOptions {
  /** Wanted nodes per organ; what is missing gets its default. */
  replicas: Partial<Record<Organ, number>>;
  /** Nodes that joined from other machines. */
  remote?: { id: string; organ: Organ }[];
  /** Processor cores; bounds the default number of muscles of a foreign project. */
  cores: number;
  /** Nodes on which a service must not run, because it was failed over. */
  away?: Record<string, readonly string[]>;
  /** Services that run nowhere, because a standby takes their calls. */
  closed?: ReadonlySet<string>;
}

/**
 * Which services run on which nodes. An organ's services run on all of its nodes, singletons on the first. A foreign
 * project's services are spread over the muscles instead: isolated ones alone, the rest balanced by number; Azora's own that
 * heal and judge them have one process together. A service that was failed over stays off the nodes that it left; where no
 * other node is, one more is placed for it.
 */
export function place(plan: Plan, options: PlacementOptions): PlacedNode[] {
  const services = plan.services.filter((service) => service.kind === "service" && !options.closed?.has(service.name));
  return ORGANS.flatMap((organ) =>
    placeOrgan(
      plan,
      organ,
      services.filter((service) => (reservedFor(service, plan) ?? service.organ) === organ),
      options,
    ),
  );
}

/** The organ whose first node is there for this service and its like alone. */
function reservedFor({ runtimeSystem, organ }: PlannedService, { project }: Plan): Organ | undefined {
  return runtimeSystem ? reservedOrgan(organ, project) : undefined;
}

function placeOrgan(plan: Plan, organ: Organ, services: PlannedService[], options: PlacementOptions): PlacedNode[] {
  const { replicas, remote = [], cores, away = {} } = options;
  const { foreign } = plan.project;
  const isReserved = (service: PlannedService) => reservedFor(service, plan) !== undefined;
  const reserved = services.filter(isReserved);
  const others = services.filter((service) => !isReserved(service));
  const isolated = others.filter((service) => service.isolate);
  const shared = others.filter((service) => !service.isolate);
  const ownNode = organ === "nervous" || reserved.length > 0;
  // A runtime system beside a project's own services goes where those are, and makes no difference to their places.
  const guests = foreign ? shared.filter(({ runtimeSystem }) => runtimeSystem) : [];
  const settled = [...shared.filter((service) => !guests.includes(service)), ...guests];
  const nodes = defaultReplicas(plan, organ, settled.length - guests.length, cores);
  const wanted = replicas[organ] ?? Math.max(nodes, guests.length > 0 ? 1 : 0) + (ownNode ? 1 : 0);
  const count = ownNode ? (shared.length > 0 ? Math.max(1, wanted - 1) : 0) : wanted;
  const first = ownNode ? 2 : 1;
  const node = (number: number, names: string[] = []): PlacedNode => ({
    id: `${organ}-${number}`,
    organ,
    services: names,
  });
  // Isolated ones come first, so that scaling the others moves none of them.
  const alone = isolated.map(({ name }, index) => node(first + index, [name]));
  const common = Array.from({ length: count }, (_, index) => node(first + isolated.length + index));
  const spare = node(first + isolated.length + count);
  const joined = remote.filter((one) => one.organ === organ).map(({ id }) => ({ id, organ, services: [] as string[] }));
  for (const [index, service] of settled.entries()) {
    const { name, singleton } = service;
    const free = (one: PlacedNode) => !away[name]?.includes(one.id);
    const once = singleton || (foreign && organ === "muscles" && replicas[organ] === undefined);
    // A service that is only once has its home where it was spread to, or on the first node.
    const home = foreign && organ === "muscles" && count > 0 ? index % count : 0;
    const inTurn = [...common.slice(home), ...common.slice(0, home)].filter(free);
    const taken = once ? inTurn.slice(0, 1) : inTurn;
    const hosts = taken.length === 0 && (away[name]?.length ?? 0) > 0 ? [spare] : taken;
    for (const one of hosts) one.services.push(name);
    if (!singleton) for (const one of joined.filter(free)) one.services.push(name);
  }
  return [
    ...(ownNode
      ? [
          node(
            1,
            reserved.map(({ name }) => name),
          ),
        ]
      : []),
    ...alone,
    ...common,
    ...(spare.services.length > 0 ? [spare] : []),
    ...joined,
  ];
}

/** Beside its reserved node: Azora's own folder has one for every organ, a foreign one only for those that it uses. */
function defaultReplicas(plan: Plan, organ: Organ, services: number, cores: number): number {
  if (!plan.project.foreign) return 1;
  if (services === 0) return 0;
  return organ === "muscles" ? Math.min(cores, services, 4) : 1;
}

/** Services that stay on one node however many the organ has. */
export function singletonsOf(plan: Plan, organ: Organ): string[] {
  return plan.services.filter((service) => service.organ === organ && service.singleton).map(({ name }) => name);
}
