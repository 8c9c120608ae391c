import type { Failure } from "../../../models/healing.ts";
import { percent } from "./figures.ts";
import type { Candidate, Situation } from "./situation.ts";
import { placesOf } from "./topology.ts";

const CONNECTION =
  /ECONN|EPIPE|ENOTFOUND|EHOSTUNREACH|ETIMEDOUT|socket|connect|disconnect|STORE_UNAVAILABLE|database is (locked|closed)/i;
const CACHE = /cache|redis/i;
/** The error names another service that does not answer. */
const ELSEWHERE =
  /^(SERVICE_NOT_FOUND|SERVICE_NOT_AVAILABLE|SERVICE_UNAVAILABLE|CIRCUIT_OPEN|SERVICE_QUARANTINED|OUTCOME_UNKNOWN)\b/;

/** A loop or a machine from here on counts as busy. */
const BUSY = 0.85;
const FULL_CACHE = 0.7;
const MANY_CALLS = 50;
const LEAST_CONCURRENCY = 8;

type Remedy = (situation: Situation) => Candidate;

const reconnect: Remedy = ({ finding, service }) => ({
  action: "reconnect",
  target: finding.target,
  parameters: {},
  cost: { time: 200, calls: 0 },
  why: "the errors speak of a connection",
  whyNot:
    service?.kind === "program"
      ? "a program's connections are its own"
      : CONNECTION.test(finding.error ?? "")
        ? undefined
        : finding.error
          ? "no error speaks of a connection"
          : "no error is known that speaks of a connection",
});

const clearCache: Remedy = ({ finding, signs }) => {
  const spoken = CACHE.test(finding.error ?? "");
  const full = (signs.heap ?? 0) >= FULL_CACHE && finding.failure === "slow";
  return {
    action: "clear-cache",
    target: finding.target,
    parameters: {},
    cost: { time: 100, calls: 0 },
    why: spoken ? "the errors speak of the cache" : `the heap is ${percent(signs.heap ?? 0)} full`,
    whyNot: spoken || full ? undefined : "nothing points to the cache",
  };
};

const restartService: Remedy = ({ finding, service, signs }) => ({
  action: "restart",
  target: finding.target,
  parameters: {},
  cost: { time: 500, calls: 0 },
  why: "what has piled up or gone wrong in it is gone afterwards",
  whyNot:
    finding.failure === "slow" && (signs.loop ?? 0) >= BUSY
      ? "the event loop is busy with calls, and would be again"
      : service && service.dependencies.length > 0 && ELSEWHERE.test(finding.error ?? "")
        ? "its errors come from another service, which a restart does not bring back"
        : undefined,
});

const scaleUp: Remedy = ({ finding, service, node, signs, topology }) => {
  const carried = service ? [service] : topology.services.filter(({ name }) => node?.services.includes(name));
  const movable = carried.filter(({ singleton, kind }) => !singleton && kind !== "program");
  return {
    action: "scale-up",
    target: finding.target,
    parameters: { by: 1 },
    cost: { time: 2000, calls: 0 },
    why: "one more node shares the work",
    whyNot:
      finding.failure === "erroring"
        ? "more instances would fail in the same way"
        : finding.failure === "leaking" || finding.failure === "resource exhausted"
          ? "another node would not give back what this one holds"
          : movable.length === 0
            ? service
              ? "it is a singleton: there is only one of it, however many nodes there are"
              : "it carries singletons only"
            : (signs.loop ?? 0) < BUSY
              ? `its event loop is only ${percent(signs.loop ?? 0)} busy: it waits for something, and more of it would wait too`
              : (signs.machine ?? 0) >= BUSY
                ? `the machine is ${percent(signs.machine ?? 0)} busy: there is no core for another node`
                : undefined,
  };
};

const limitCalls: Remedy = ({ finding, signs }) => {
  const inFlight = signs.inFlight ?? 0;
  const concurrency = Math.max(LEAST_CONCURRENCY, Math.round(inFlight / 2));
  return {
    action: "resource-adjust",
    target: finding.target,
    parameters: { concurrency },
    cost: { time: 100, calls: Math.round((signs.rate ?? 0) / 2) },
    why: `${inFlight} calls run at once; at most ${concurrency} of them leave room to end`,
    whyNot: inFlight >= MANY_CALLS ? undefined : `only ${inFlight} calls run at once`,
  };
};

const failover: Remedy = ({ finding, service, topology }) => {
  const places = service ? placesOf(service) : [];
  const others = topology.nodes.filter(
    ({ id, organ, status }) => organ === service?.organ && status === "up" && !places.includes(id),
  );
  const where = service?.healing.standby ?? others[0]?.id;
  return {
    action: "failover",
    target: finding.target,
    parameters: {},
    cost: { time: 1500, calls: 0 },
    why: `${where} takes it over`,
    whyNot: service?.runtimeSystem
      ? "it runs the organism itself and stays where it is"
      : where === undefined
        ? `no other node of ${service?.organ ?? "its organ"} is up, and it has no standby`
        : ELSEWHERE.test(finding.error ?? "")
          ? "its errors come from another service, which it would miss elsewhere too"
          : undefined,
  };
};

const restartNode: Remedy = ({ finding, node, signs }) => ({
  action: "restart",
  target: { node: finding.target.node! },
  parameters: {},
  cost: { time: 1500 + 200 * (node?.services.length ?? 1), calls: 0 },
  why: "a new process begins with nothing",
  whyNot:
    node?.remote === true
      ? "its process runs on another machine"
      : signs.resource === "disk"
        ? "a new process has no more room on the disk"
        : undefined,
});

const moreMemory: Remedy = ({ finding, signs }) => ({
  action: "resource-adjust",
  target: { node: finding.target.node! },
  parameters: {},
  cost: { time: 2000, calls: 0 },
  why: "more memory is allowed",
  whyNot:
    signs.resource === "files" || signs.resource === "disk"
      ? "it adjusts memory and calls, not this"
      : "more memory would be used up too, only later",
});

/** What may help against what this healer finds. The ladder has its own steps for everything else. */
const BY_FAILURE: Partial<Record<Failure, { service: Remedy[]; node: Remedy[] }>> = {
  slow: { service: [clearCache, limitCalls, restartService, scaleUp, failover], node: [scaleUp, restartNode] },
  erroring: { service: [reconnect, clearCache, restartService, failover, scaleUp], node: [restartNode] },
  leaking: { service: [], node: [restartNode, moreMemory, scaleUp] },
  "resource exhausted": { service: [], node: [restartNode, moreMemory, scaleUp] },
};

export function builtInCandidates(situation: Situation): Candidate[] {
  const { failure, target } = situation.finding;
  const remedies = BY_FAILURE[failure];
  if (!remedies) return [];
  return remedies[target.service === undefined ? "node" : "service"].map((remedy) => remedy(situation));
}

/** True where the orchestrator's ladder acts by itself, and reports it. */
export function belongsToLadder(failure: Failure): boolean {
  return BY_FAILURE[failure] === undefined;
}
