import type { HealingDecision, HealingTarget } from "../../../models/healing.ts";
import { fingerprint } from "../../../runtime/healing/signature.ts";
import type { Finding } from "./detection/finding.ts";
import { count, span } from "./figures.ts";
import { belongsToLadder, builtInCandidates } from "./remedies.ts";
import type { Candidate, Cost, Situation } from "./situation.ts";
import { nodeOf, serviceOf } from "./topology.ts";

export interface Decided {
  decision: HealingDecision;
  /** What is to be done; nothing where nothing fits. */
  step?: Candidate;
}

/** A lost call is worth so much time, ms. */
const CALL_MS = 100;
export const NONE = "none";
/** So many others with the same error have one cause, which is in none of them. */
const MANY = 3;

/**
 * Chooses the cheapest remedy that fits, and says of every other why not.
 * @param own remedies that services and plug-ins offer
 */
export function decide(situation: Situation, own: readonly Candidate[] = []): Decided {
  const judged = [...builtInCandidates(situation), ...own].map((candidate) => ({
    ...candidate,
    whyNot: spared(situation, candidate) ?? candidate.whyNot,
  }));
  const fitting = judged.filter(({ whyNot }) => !whyNot).sort((a, b) => worth(a.cost) - worth(b.cost));
  const [chosen] = fitting;
  const alternatives = judged
    .filter((one) => one !== chosen)
    .map(({ action, cost, whyNot }) => ({ action, why: whyNot ?? `it costs more (about ${costOf(cost)})` }));
  if (!chosen) return { decision: { chosen: NONE, why: nothing(situation, judged.length), alternatives } };
  const cheapest = fitting.length > 1 ? "the cheapest that fits" : "the only one that fits";
  const why = `${chosen.why}; ${cheapest} (about ${costOf(chosen.cost)})`;
  return { decision: { chosen: chosen.action, why, alternatives }, step: chosen };
}

export function worth({ time, calls }: Cost): number {
  return time + CALL_MS * calls;
}

function costOf({ time, calls }: Cost): string {
  return calls > 0 ? `${span(time)} and ${count(calls, "lost call")}` : span(time);
}

function nothing({ finding, signs }: Situation, candidates: number): string {
  if (signs.resource === "disk") return "no action makes room on a disk; the operator is told";
  if (belongsToLadder(finding.failure) && candidates === 0) return "the orchestrator's ladder heals this by itself";
  return "nothing that is left fits; the operator is told";
}

/** What speaks against any action here, whatever it is. */
function spared(
  { topology, tried, cooling, others, finding, self, service }: Situation,
  { action, target, parameters }: Candidate,
): string | undefined {
  const before = tried.get(action);
  if (before !== undefined) return `it was tried and did not help: ${before}`;
  const upstream =
    service && finding.failure === "erroring" ? failingDependency(service.dependencies, others) : undefined;
  if (upstream) return `${upstream}, which it needs, fails too: that one is healed first`;
  const alike = finding.failure === "erroring" ? failingAlike(finding, others) : 0;
  if (alike >= MANY && action !== "reconnect")
    return `${alike} other services fail with the same error: the cause is upstream`;
  const forbidden = untouchable(topology, target, action, self);
  if (forbidden) return forbidden;
  if (service && service.status !== "healthy" && service.status !== "degraded" && !belongsToLadder(finding.failure)) {
    return `it is ${service.status}: the ladder deals with it`;
  }
  const left = cooling(action, target);
  if (left > 0) return `it was carried out just now; it may be again in ${span(left)}`;
  if (
    parameters["concurrency"] !== undefined &&
    others.some((one) => one.failure === "erroring" && one.target.service === target.service)
  ) {
    return "calls are failing already, and it would refuse more";
  }
  return undefined;
}

/** Other services that fail in the same way at the same time. */
function failingAlike({ error, target }: Finding, others: Situation["others"]): number {
  if (error === undefined) return 0;
  const print = fingerprint(error);
  const alike = others.filter(
    (one) => one.failure === "erroring" && one.error !== undefined && fingerprint(one.error) === print,
  );
  return new Set(alike.map((one) => one.target.service).filter((name) => name !== target.service)).size;
}

function failingDependency(dependencies: readonly string[], others: Situation["others"]): string | undefined {
  return dependencies.find((name) =>
    others.some(({ failure, target }) => failure === "erroring" && target.service === name),
  );
}

/**
 * Why an action on this target cannot end well, whoever asks for it.
 * The healer would have to outlive itself to see the end of its own restart; orders to the orchestrator have nobody to
 * carry them out.
 */
export function untouchable(
  topology: Topology,
  target: HealingTarget,
  action: string,
  self: Situation["self"],
): string | undefined {
  const service = target.service === undefined ? undefined : serviceOf(topology, target.service);
  const node = target.node === undefined ? undefined : nodeOf(topology, target.node);
  if (service?.capabilities.includes("orchestrator") || (!service && node && carriesOrchestrator(topology, node.id))) {
    return "the orchestrator carries out all actions and cannot carry one out on itself; the spine restarts it when its process ends";
  }
  const ends = action === "restart" || action === "failover";
  if (service?.name === self.service && ends) {
    return `the healer cannot see the end of its own ${action}; "azora restart ${self.service}" has the orchestrator do it`;
  }
  if (!service && node?.id === self.node && (ends || action === "resource-adjust" || action === "reconnect")) {
    return `the healer lives on ${self.node} and would not see how it ends; "azora restart ${self.node}" has the orchestrator do it`;
  }
  return undefined;
}

function carriesOrchestrator({ services }: Topology, node: string): boolean {
  return services.some(
    ({ capabilities, instances }) =>
      capabilities.includes("orchestrator") && instances.some((one) => one.node === node),
  );
}

type Topology = Situation["topology"];
