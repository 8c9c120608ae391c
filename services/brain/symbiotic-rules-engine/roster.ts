import { SYSTEMS, type System } from "../../../models/symbiosis.ts";
import type { Topology } from "../../../models/topology.ts";

/** A service as the organism model counts it. */
export interface RosterService {
  name: string;
  system: System;
  status: string;
  /** In the last ten minutes. */
  restarts: number;
}

const WINDOW_MS = 10 * 60_000;
const MOST_REMEMBERED = 10_000;

/** Who is there and to which system it belongs, as the orchestrator tells it. */
export class Roster {
  readonly #now: () => number;
  #topology: Topology | undefined;
  #systems = new Map<string, System>();
  /** Newest incarnation that was seen, by `service@node`. */
  readonly #incarnations = new Map<string, number>();
  /** When services were restarted, oldest first. */
  #restarts: { service: string; at: number }[] = [];

  /** @param now monotonic, ms */
  constructor(now: () => number) {
    this.#now = now;
  }

  get topology(): Topology | undefined {
    return this.#topology;
  }

  /** True from when the organism was first seen to be launched. */
  get launched(): boolean {
    return this.#topology?.launched ?? false;
  }

  take(topology: Topology): void {
    this.#topology = topology;
    this.#systems = new Map();
    for (const { name, aliases, organ, instances } of topology.services) {
      if (!isSystem(organ)) continue;
      for (const each of [name, ...aliases]) this.#systems.set(each, organ);
      for (const { node, incarnation } of instances) this.started(name, node, incarnation);
    }
    const living = new Set(topology.services.flatMap((one) => one.instances.map(({ node }) => `${one.name}@${node}`)));
    for (const key of this.#incarnations.keys()) if (!living.has(key)) this.#incarnations.delete(key);
  }

  /** An instance runs, for the `incarnation`-th time. */
  started(service: string, node: string, incarnation: number): void {
    const key = `${service}@${node}`;
    const before = this.#incarnations.get(key);
    if (before !== undefined && incarnation > before) {
      const at = this.#now();
      for (let more = before; more < incarnation && more < before + 100; more++) this.#restarts.push({ service, at });
      this.#restarts.splice(0, this.#restarts.length - MOST_REMEMBERED);
    }
    if (before === undefined || incarnation > before) this.#incarnations.set(key, incarnation);
  }

  /** The system of a service; of the node that it was measured on, where nobody knows the service. */
  systemOf = (service: string, node: string): System | undefined => {
    const known = this.#systems.get(service);
    if (known) return known;
    const organ = node.slice(0, node.lastIndexOf("-"));
    return isSystem(organ) ? organ : undefined;
  };

  services(): RosterService[] {
    const since = this.#now() - WINDOW_MS;
    this.#restarts = this.#restarts.filter(({ at }) => at >= since);
    const counts = new Map<string, number>();
    for (const { service } of this.#restarts) counts.set(service, (counts.get(service) ?? 0) + 1);
    return (this.#topology?.services ?? []).flatMap(({ name, organ, status }) =>
      isSystem(organ) ? [{ name, system: organ, status, restarts: counts.get(name) ?? 0 }] : [],
    );
  }

  /** All that an action may name: systems are known without it. */
  targets(): string[] {
    const { services = [], nodes = [] } = this.#topology ?? {};
    return [...services.flatMap(({ name, aliases }) => [name, ...aliases]), ...nodes.map(({ id }) => id)];
  }
}

function isSystem(organ: string): organ is System {
  return (SYSTEMS as readonly string[]).includes(organ);
}
