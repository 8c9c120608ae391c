import type { ServiceBroker } from "moleculer";
import type { PathReport } from "../../models/performance.ts";
import { CallPath, EndpointLoad } from "./endpoint-load.ts";

/** One life of a service on a node: the service itself here, the registry's entry where it lives elsewhere. */
export interface Callee {
  fullName: string;
  node?: { id: string };
}

export interface LoadModelOptions {
  /** Monotonic, ms. @default performance.now */
  now?: () => number;
  /** Paths that keep a histogram of their latencies; further ones are balanced, but not told of. @default 2000 */
  maxPaths?: number;
}

/** Half-life of the latencies in a path's histogram, ms. */
const HALF_LIFE_MS = 30_000;

/**
 * What a node knows of the calls that it makes: per caller, callee and action. Balancer, breaker and report all read this
 * one model, so that none of them fights another. What is known of an instance ends with its life.
 */
export class LoadModel {
  readonly now: () => number;
  readonly #maxPaths: number;
  readonly #loads = new WeakMap<Callee, Map<string, EndpointLoad>>();
  readonly #paths = new Map<EndpointLoad, { callee: Callee; byCaller: Map<string, CallPath> }>();
  #counted = 0;
  #uncounted = 0;
  #broker: ServiceBroker | undefined;

  constructor({ now = () => performance.now(), maxPaths = 2000 }: LoadModelOptions = {}) {
    this.now = now;
    this.#maxPaths = maxPaths;
  }

  attach(broker: ServiceBroker): void {
    this.#broker = broker;
  }

  /** What is known of an action of one life of a service. */
  of(callee: Callee, action: string): EndpointLoad {
    let loads = this.#loads.get(callee);
    if (!loads) {
      loads = new Map();
      this.#loads.set(callee, loads);
    }
    let load = loads.get(action);
    if (!load) {
      const own = this.#broker?.nodeID ?? "";
      const node = callee.node?.id ?? own;
      load = new EndpointLoad({ action, service: callee.fullName, node, local: node === own }, this.now());
      loads.set(action, load);
    }
    return load;
  }

  path(callee: Callee, action: string, caller: string): CallPath {
    const endpoint = this.of(callee, action);
    let known = this.#paths.get(endpoint);
    if (!known) {
      known = { callee, byCaller: new Map() };
      this.#paths.set(endpoint, known);
    }
    let path = known.byCaller.get(caller);
    if (!path) {
      const isCounted = this.#counted < this.#maxPaths;
      if (isCounted) this.#counted++;
      path = new CallPath(caller, endpoint, isCounted);
      known.byCaller.set(caller, path);
    }
    return path;
  }

  /** Of each instance that was called. */
  loads(): Iterable<EndpointLoad> {
    return this.#paths.keys();
  }

  /** What happened since the last report. @param weightOf see `PathReport.weight` */
  report(weightOf: (load: EndpointLoad, now: number) => number): PathReport[] {
    const now = this.now();
    const reports: PathReport[] = [];
    for (const [endpoint, { callee, byCaller }] of this.#paths) {
      for (const path of byCaller.values()) {
        if (!path.latency) {
          this.#uncounted += path.calls;
          path.calls = 0;
          continue;
        }
        const { calls, latency: histogram } = path;
        if (calls === 0 && path.inFlight === 0) continue;
        const { service, action, node, latency } = endpoint;
        const kept = 0.5 ** ((now - path.closedAt) / HALF_LIFE_MS);
        path.closedAt = now;
        reports.push({
          caller: path.caller,
          service,
          action,
          node,
          calls,
          failures: path.failures,
          refusals: path.refusals,
          sum: Math.round(histogram.sum),
          buckets: histogram.close(kept),
          inFlight: path.inFlight,
          latency: Math.round(latency.value),
          weight: weightOf(endpoint, now),
        });
        path.calls = 0;
        path.failures = 0;
        path.refusals = 0;
      }
      if (endpoint.inFlight === 0 && !this.#lives(callee)) this.#forget(endpoint, byCaller);
    }
    return reports;
  }

  /** Calls on paths without a histogram, since it was asked last. */
  takeUncounted(): number {
    const uncounted = this.#uncounted;
    this.#uncounted = 0;
    return uncounted;
  }

  #forget(endpoint: EndpointLoad, byCaller: Map<string, CallPath>): void {
    this.#paths.delete(endpoint);
    for (const { latency } of byCaller.values()) if (latency) this.#counted--;
  }

  #lives(callee: Callee): boolean {
    if (!this.#broker) return true;
    const { registry, services } = this.#broker;
    if (!callee.node) return (services as unknown[]).includes(callee);
    const entries = (registry as unknown as { services: { get(name: string, node: string): unknown } }).services;
    return entries.get(callee.fullName, callee.node.id) === callee;
  }
}
