/** An instance that has failed. */
export interface Failing {
  service: string;
  node: string;
}

/** What many failures at once come from. */
export type MassCause =
  | { kind: "node"; node: string; why: string }
  | { kind: "upstream"; service: string; why: string }
  | { kind: "unknown"; first: string; why: string };

export interface Surroundings {
  /** Everything that the service needs or uses, near or far. */
  needs(service: string): ReadonlySet<string>;
  /** Services on the node. */
  on(node: string): readonly string[];
  /** Place in the launch order; dependencies come before those that need them. */
  rank(service: string): number;
}

/** From so many services on, failures of one moment are one. */
export const MASS = 3;
/** Share of a node's services whose failing together says that it is the node. */
const NODE_SHARE = 0.6;

/**
 * Many failures at once have one cause, and healing it heals them: the node that carries them, the service that all of
 * them need, or something unknown, of which the first in the launch order tells first whether a restart helps.
 */
export function massCause(failing: readonly Failing[], around: Surroundings): MassCause | undefined {
  const services = [...new Set(failing.map(({ service }) => service))].sort((a, b) => around.rank(a) - around.rank(b));
  if (services.length < MASS) return undefined;
  const upstream = services.find((one) => services.every((other) => other === one || around.needs(other).has(one)));
  if (upstream) {
    const why = `${services.length} services failed together, and all others of them need ${upstream}`;
    return { kind: "upstream", service: upstream, why };
  }
  const node = failing[0]!.node;
  const there = around.on(node).length;
  if (failing.every((one) => one.node === node) && services.length >= NODE_SHARE * there) {
    return { kind: "node", node, why: `${services.length} of ${there} services of ${node} failed together` };
  }
  const why = `${services.length} services failed together, for a reason that they share`;
  return { kind: "unknown", first: services[0]!, why };
}
