import { Validators } from "moleculer";
import { type FieldError, fieldErrors } from "../field-errors.ts";

/** What can be broken inside one node, and taken back. */
export type NodeFault =
  /** The event loop does nothing else for `ms`. */
  | { kind: "block-loop"; ms: number }
  /** The heap grows by `mbPerSecond`, up to `limitMB`. */
  | { kind: "leak"; mbPerSecond: number; limitMB: number }
  /** Calls of the service on this node are answered `ms` later. */
  | { kind: "delay-calls"; service: string; ms: number; share: number; health: boolean }
  /** Calls of the service on this node fail. `health`: its own health action too. `code` as of HTTP. */
  | { kind: "fail-calls"; service: string; message: string; code: number; share: number; health: boolean }
  /** The service is destroyed in the broker, without the node's host knowing. */
  | { kind: "kill-service"; service: string }
  /** Bus packets that come from `peer` get lost. */
  | { kind: "drop-messages"; peer: string; share: number }
  /** Bus packets that come from `peer` come `ms` later, in their order. */
  | { kind: "delay-messages"; peer: string; ms: number }
  /** A file of zeros, of at most `maxMB`, leaves `leaveMB` of the file system free. `folder` as seen from the data folder. */
  | { kind: "fill-disk"; folder: string; leaveMB: number; maxMB: number }
  /** No fault: it counts who calls whom. */
  | { kind: "watch-calls" };

export type NodeFaultKind = NodeFault["kind"];

/** Longest time for which a fault may stay, ms. */
export const MAX_DURATION_MS = 30 * 60_000;
/** A loop that is blocked cannot be unblocked, ms. */
export const MAX_BLOCK_MS = 60_000;
export const MAX_LEAK_MB = 4096;
/** Most that is written to fill a disk, MB. */
export const MAX_FILL_MB = 2048;

const name = { type: "string", min: 1, max: 200 };
const share = { type: "number", min: 0.001, max: 1, default: 1 };
const health = { type: "boolean", default: false };

/** Parameters of each fault, as fastest-validator reads them. */
export const FAULT_FIELDS = {
  "block-loop": { ms: { type: "number", integer: true, min: 1, max: MAX_BLOCK_MS } },
  leak: {
    mbPerSecond: { type: "number", min: 0.1, max: 1024 },
    limitMB: { type: "number", integer: true, min: 1, max: MAX_LEAK_MB },
  },
  "delay-calls": { service: name, ms: { type: "number", integer: true, min: 1, max: 60_000 }, share, health },
  "fail-calls": {
    service: name,
    message: { type: "string", min: 1, max: 500, default: "chaos: this call was made to fail" },
    code: { type: "number", integer: true, min: 400, max: 599, default: 500 },
    share,
    health,
  },
  "kill-service": { service: name },
  "drop-messages": { peer: name, share },
  "delay-messages": { peer: name, ms: { type: "number", integer: true, min: 1, max: 60_000 } },
  "fill-disk": {
    folder: { type: "string", max: 100, default: "" },
    leaveMB: { type: "number", integer: true, min: 0, max: 1_000_000, default: 0 },
    maxMB: { type: "number", integer: true, min: 1, max: MAX_FILL_MB, default: MAX_FILL_MB },
  },
  "watch-calls": {},
} as const satisfies Record<NodeFaultKind, Record<string, object>>;

export const NODE_FAULTS = Object.keys(FAULT_FIELDS) as NodeFaultKind[];

type Check = (value: object) => true | unknown[];
const validator = new Validators.Fastest();
const checks = new Map<string, Check>();

/** The fault with its defaults, or each wrong field with its value and what is allowed. */
export function readFault(given: unknown): { fault: NodeFault } | { errors: FieldError[] } {
  const kind = (given as { kind?: unknown } | null)?.kind as NodeFaultKind;
  if (!NODE_FAULTS.includes(kind))
    return { errors: [{ field: "kind", value: kind, allowed: `one of ${NODE_FAULTS.join(", ")}` }] };
  let check = checks.get(kind);
  if (!check) {
    check = validator.compile({ kind: "string", ...FAULT_FIELDS[kind], $$strict: true } as never) as unknown as Check;
    checks.set(kind, check);
  }
  const fault = { ...(given as object) };
  let report: true | unknown[];
  try {
    report = check(fault);
  } catch {
    // To tell what is wrong the validator makes texts of values, which fails for one whose `toString` is no function.
    return { errors: [{ field: "kind", value: kind, allowed: "fields that are texts and numbers" }] };
  }
  return report === true ? { fault: fault as NodeFault } : { errors: fieldErrors(report) as FieldError[] };
}
