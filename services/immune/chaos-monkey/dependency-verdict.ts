import type { TopologyService } from "../../../models/topology.ts";
import type { CallPair } from "../../../runtime/faults/call-faults.ts";
import type { DependencyFinding } from "./report.ts";

/** What was seen while one service failed. */
export interface FailureSeen {
  /** The service that failed. */
  failed: string;
  /** Services that were not healthy meanwhile. */
  ill: ReadonlySet<string>;
  /** Calls between services meanwhile. */
  pairs: readonly CallPair[];
}

/** Compares what is declared with what was seen. `everSeen`: all calls of the whole check. */
export function dependencyFindings(
  services: readonly TopologyService[],
  seen: readonly FailureSeen[],
  everSeen: readonly CallPair[],
): DependencyFinding[] {
  return seen.flatMap(({ failed, ill, pairs }) =>
    services
      .filter(({ name, runtimeSystem }) => name !== failed && !runtimeSystem)
      .flatMap((service): DependencyFinding[] => {
        const declared = declaredOf(service, failed);
        const calls = countOf(pairs.filter(({ caller, callee }) => caller === service.name && callee === failed));
        const everCalled = everSeen.some(({ caller, callee }) => caller === service.name && callee === failed);
        const observed = observedOf(service.name, ill, pairs);
        // Who suffers without ever calling it may do so through another: only a direct edge is a finding.
        const isOther = !everCalled && (observed === "unharmed" || reaches(services, service, failed));
        if (declared === "no" && (isOther || observed === "untested")) return [];
        return [{ from: service.name, to: failed, declared, observed, calls, verdict: verdictOf(declared, observed) }];
      }),
  );
}

function declaredOf({ dependencies, softDependencies }: TopologyService, to: string): DependencyFinding["declared"] {
  return dependencies.includes(to) ? "hard" : softDependencies.includes(to) ? "soft" : "no";
}

function observedOf(name: string, ill: ReadonlySet<string>, pairs: readonly CallPair[]): DependencyFinding["observed"] {
  if (ill.has(name)) return "degraded";
  const ofIt = pairs.filter(({ callee }) => callee === name);
  if (countOf(ofIt) === 0) return "untested";
  return ofIt.some(({ errors }) => errors > 0) ? "failed" : "unharmed";
}

function verdictOf(declared: DependencyFinding["declared"], observed: DependencyFinding["observed"]): string {
  if (observed === "untested") return "not tested: nobody called it";
  const isHarmed = observed !== "unharmed";
  if (declared === "hard") return isHarmed ? "" : "hard edge that is soft in truth";
  if (declared === "soft") return isHarmed ? "soft edge that is hard in truth" : "";
  return isHarmed ? "undeclared hard edge" : "undeclared soft edge";
}

function reaches(services: readonly TopologyService[], from: TopologyService, to: string): boolean {
  const seen = new Set<string>();
  const queue = [...from.dependencies, ...from.softDependencies];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (name === to) return true;
    if (seen.has(name)) continue;
    seen.add(name);
    const next = services.find((service) => service.name === name);
    if (next) queue.push(...next.dependencies, ...next.softDependencies);
  }
  return false;
}

/** What was added between two counts. */
export function pairsSince(before: readonly CallPair[], after: readonly CallPair[]): CallPair[] {
  const known = new Map(before.map((pair) => [`${pair.caller}\0${pair.callee}`, pair]));
  return after.flatMap((pair) => {
    const old = known.get(`${pair.caller}\0${pair.callee}`);
    const calls = pair.calls - (old?.calls ?? 0);
    return calls > 0 ? [{ ...pair, calls, errors: pair.errors - (old?.errors ?? 0) }] : [];
  });
}

/** The counts of several nodes as one. */
export function mergePairs(lists: readonly (readonly CallPair[])[]): CallPair[] {
  const merged = new Map<string, CallPair>();
  for (const pair of lists.flat()) {
    const key = `${pair.caller}\0${pair.callee}`;
    const known = merged.get(key);
    if (known) {
      known.calls += pair.calls;
      known.errors += pair.errors;
    } else merged.set(key, { ...pair });
  }
  return [...merged.values()];
}

function countOf(pairs: readonly CallPair[]): number {
  return pairs.reduce((total, { calls }) => total + calls, 0);
}
