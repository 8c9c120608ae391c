import type { Failure } from "../../../models/healing.ts";
import { nearest } from "../../../runtime/nearest.ts";

/** A healing action that a service carries out itself, as its `metadata.healing.actions` says. */
export interface OwnAction {
  type: string;
  action: string;
  description?: string;
  /** ms */
  timeout?: number;
  /** ms */
  cooldown?: number;
  failures?: Failure[];
  /** Lost time, ms. */
  cost?: number;
}

export interface KnownService {
  name: string;
  kind: string;
  organ: string;
  status: string;
  why: string;
  aliases: string[];
  capabilities: string[];
  runtimeSystem: boolean;
  singleton: boolean;
  dependencies: string[];
  softDependencies: string[];
  healing: { standby?: string; actions?: OwnAction[] };
  instances: { node: string; pid: number; incarnation: number; status: string }[];
}

export interface KnownNode {
  id: string;
  organ: string;
  status: string;
  remote: boolean;
  services: string[];
}

/** What `master-orchestrator.topology` answers. */
export interface Topology {
  epoch: number;
  launched: boolean;
  status: string;
  services: KnownService[];
  nodes: KnownNode[];
}

/** By its name or by another one under which it is known. */
export function serviceOf({ services }: Topology, name: string): KnownService | undefined {
  return services.find((one) => one.name === name) ?? services.find(({ aliases }) => aliases.includes(name));
}

export function nodeOf({ nodes }: Topology, id: string): KnownNode | undefined {
  return nodes.find((node) => node.id === id);
}

export function nearestService({ services }: Topology, name: string): string | undefined {
  return nearest(
    name,
    services.flatMap((one) => [one.name, ...one.aliases]),
  );
}

/** Nodes that carry the service now. */
export function placesOf(service: KnownService): string[] {
  return service.instances.map(({ node }) => node);
}
