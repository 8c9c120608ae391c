import { ORGANS } from "../../../runtime/discovery/metadata.ts";
import { FAULT_FIELDS, MAX_DURATION_MS, type NodeFaultKind, readFault } from "../../../runtime/faults/node-fault.ts";
import type { FieldError } from "../../../runtime/field-errors.ts";
import { checkFields, either, isObject, object, oneOf, optional, type Rule, some, text, whole } from "./field-check.ts";

/** Faults of whole processes, which chaos-monkey commits itself. */
export const PROCESS_FAULTS = [
  "kill-node",
  "stop-node",
  "kill-orchestrator",
  "stop-orchestrator",
  "kill-spine",
  "kill-nats",
] as const;
export type ProcessFaultKind = (typeof PROCESS_FAULTS)[number];
export type FaultKind = ProcessFaultKind | Exclude<NodeFaultKind, "watch-calls">;

export const FAULT_KINDS: readonly FaultKind[] = [
  ...PROCESS_FAULTS,
  ...(Object.keys(FAULT_FIELDS) as NodeFaultKind[]).filter((kind) => kind !== "watch-calls"),
];
/** Their victim is what their name says. */
const OF_ONE_PROCESS: readonly FaultKind[] = ["kill-orchestrator", "stop-orchestrator", "kill-spine", "kill-nats"];
/** Their victim is a service, not a node. */
export const OF_A_SERVICE: readonly FaultKind[] = ["kill-service", "delay-calls", "fail-calls"];
export const BETWEEN_NODES: readonly FaultKind[] = ["drop-messages", "delay-messages"];
/** They are over as soon as they are committed: what follows is the organism's own work. */
export const INSTANT: readonly FaultKind[] = [...PROCESS_FAULTS, "kill-service", "block-loop"];

/** Whom it hits: a name, or any of a kind, chosen by the run's seed. */
export type TargetSpec = string | { node: string } | { organ: string } | { service: string };

export interface FaultSpec {
  kind: FaultKind;
  target?: TargetSpec;
  /** The other node of a fault between two. @default any other */
  peer?: TargetSpec;
  [parameter: string]: unknown;
}

export type CheckSpec =
  /** The organism's status before and after. */
  | { kind: "status"; is: string[] }
  /** Calls that go on during the whole run. `auto` calls reading actions that need no parameters. Times in ms. */
  | { kind: "call"; action: string; params?: object; within: number; every: number; failuresAllowed: number }
  /** All services healthy and all nodes up so long after the fault, ms. */
  | { kind: "healthy-within"; ms: number };

export type StopSpec =
  | { kind: "status-critical-for"; ms: number }
  | { kind: "not-healthy-for"; ms: number }
  /** More failures of the `call` checks than so many. */
  | { kind: "calls-failed"; more: number };

export interface BlastRadius {
  /** Services besides the target's own that may be ill at once; `dependents`: only those that need them. */
  services: number | "dependents" | "all";
  /** Nodes besides the target's that may be down at once. */
  nodes: number;
}

export interface Experiment {
  name: string;
  description: string;
  steadyState: { hypothesis: string; checks: CheckSpec[] };
  fault: FaultSpec;
  blastRadius: BlastRadius;
  /** How long the fault stays; of one that is over at once, how long its healing is watched, ms. */
  duration: number;
  stop: StopSpec[];
}

export const NAME: Rule = {
  allowed: "small letters, digits and -, 1 to 60 characters",
  fits: (value) => typeof value === "string" && /^[a-z0-9][a-z0-9-]{0,59}$/.test(value),
};
const ANY = ["any-node", "any-service", ...ORGANS.map((organ) => `any-${organ}`)];
const TARGET: Rule = {
  allowed: `one of ${ANY.join(", ")}, or one of {"node": …}, {"organ": …}, {"service": …}`,
  fits(value) {
    if (typeof value === "string") return ANY.includes(value);
    if (!isObject(value) || Object.keys(value).length !== 1) return false;
    const [[key, name]] = Object.entries(value) as [[string, unknown]];
    if (typeof name !== "string" || name === "") return false;
    return key === "node" || key === "service" || (key === "organ" && ORGANS.some((organ) => organ === name));
  },
};

const CHECKS: Record<CheckSpec["kind"], Record<string, Rule>> = {
  status: { is: some(oneOf("healthy", "degraded", "critical"), 3) },
  call: {
    action: text(200),
    params: optional(object),
    within: whole(1, 60_000, "ms"),
    every: whole(10, 60_000, "ms"),
    failuresAllowed: whole(0, 1_000_000),
  },
  "healthy-within": { ms: whole(100, 600_000, "ms") },
};

const STOPS: Record<StopSpec["kind"], Record<string, Rule>> = {
  "status-critical-for": { ms: whole(250, 600_000, "ms") },
  "not-healthy-for": { ms: whole(250, 600_000, "ms") },
  "calls-failed": { more: whole(0, 1_000_000) },
};

const EXPERIMENT: Record<string, Rule> = {
  name: NAME,
  description: text(500),
  steadyState: object,
  fault: object,
  blastRadius: object,
  duration: whole(250, MAX_DURATION_MS, "ms"),
  stop: { allowed: "a list of at most 10", fits: (value) => Array.isArray(value) && value.length <= 10 },
};

/** The experiment, or every wrong field of it with its value and what is allowed. */
export function readExperiment(given: unknown): { experiment: Experiment } | { errors: FieldError[] } {
  const errors = checkFields("", given, EXPERIMENT);
  if (errors.some(({ field }) => field === "")) return { errors };
  const { steadyState, fault, blastRadius, stop } = given as Record<string, unknown>;
  if (isObject(steadyState)) errors.push(...checkSteadyState(steadyState));
  if (isObject(fault)) errors.push(...checkFault(fault));
  if (isObject(blastRadius))
    errors.push(
      ...checkFields("blastRadius", blastRadius, {
        services: either(whole(0, 10_000), oneOf("dependents", "all")),
        nodes: whole(0, 1000),
      }),
    );
  if (Array.isArray(stop)) errors.push(...stop.flatMap((one, i) => checkKind(`stop[${i}]`, one, STOPS)));
  return errors.length > 0 ? { errors } : { experiment: given as Experiment };
}

function checkSteadyState(steadyState: Record<string, unknown>): FieldError[] {
  const checks: Rule = {
    allowed: "a list of 1 to 10 checks",
    fits: (value) => Array.isArray(value) && value.length >= 1 && value.length <= 10,
  };
  const errors = checkFields("steadyState", steadyState, { hypothesis: text(500), checks });
  if (!Array.isArray(steadyState["checks"])) return errors;
  return [
    ...errors,
    ...steadyState["checks"].flatMap((check, i) => checkKind(`steadyState.checks[${i}]`, check, CHECKS)),
  ];
}

function checkKind(at: string, value: unknown, kinds: Record<string, Record<string, Rule>>): FieldError[] {
  if (!isObject(value)) return checkFields(at, value, {});
  const kind = value["kind"] as string;
  const known = oneOf(...Object.keys(kinds));
  if (!known.fits(kind)) return checkFields(`${at}`, { kind }, { kind: known });
  return checkFields(at, value, { kind: known, ...kinds[kind] });
}

function checkFault(fault: Record<string, unknown>): FieldError[] {
  const kind = fault["kind"] as FaultKind;
  const known = oneOf(...FAULT_KINDS);
  if (!known.fits(kind)) return checkFields("fault", { kind }, { kind: known });
  const { target, peer, ...parameters } = fault;
  const whom: Record<string, Rule> = OF_ONE_PROCESS.includes(kind) ? {} : { target: TARGET };
  if (BETWEEN_NODES.includes(kind)) whom["peer"] = optional(TARGET);
  const errors = checkFields(
    "fault",
    { ...(target === undefined ? {} : { target }), ...(peer === undefined ? {} : { peer }) },
    whom,
  );
  if (PROCESS_FAULTS.some((one) => one === kind))
    return [...errors, ...checkFields("fault", parameters, { kind: known })];
  const named = OF_A_SERVICE.includes(kind) ? ["service"] : BETWEEN_NODES.includes(kind) ? ["peer"] : [];
  // Whom it hits is chosen later; here anything stands for it.
  const read = readFault({ ...parameters, ...Object.fromEntries(named.map((name) => [name, "chosen-later"])) });
  if (!("errors" in read)) return errors;
  return [...errors, ...read.errors.map((error) => ({ ...error, field: `fault.${error.field}` }))];
}
