import type { HealingRecord } from "../../../models/healing.ts";

import type { Organ } from "../../../runtime/discovery/metadata.ts";
import type { ProcessIdentity } from "../../../runtime/process-identity.ts";

export type JournalRecord =
  | { type: "epoch"; epoch: number; at: string }
  | { type: "process"; key: string; identity: ProcessIdentity; incarnation: number; at: string }
  | { type: "gone"; key: string; at: string }
  | { type: "incarnation"; key: string; incarnation: number }
  | { type: "scale"; organ: Organ; replicas: number; at: string }
  | { type: "stop"; service: string; stopped: boolean; at: string }
  | { type: "attempts"; key: string; attempts: number; exhausted: boolean }
  | { type: "healing"; record: HealingRecord }
  | { type: "healer"; epoch: number; instance: string; at: string }
  | { type: "moved"; service: string; away: string[]; standby?: string; at: string }
  | { type: "limit"; service: string; concurrency: number | null; at: string }
  | {
      type: "node-options";
      node: string;
      options: Omit<NodeOptions, "memoryLimitMB"> & { memoryLimitMB?: number | null };
      at: string;
    }
  | { type: "launched"; at: string }
  | { type: "down"; otherProject?: boolean; at: string };

/** What the operator or the healer has set for the process of a node. */
export interface NodeOptions {
  /** Most heap of the process, MB. */
  memoryLimitMB?: number;
  /** Scheduling priority, -20 (first) to 19 (last). */
  niceness?: number;
}

/** A service that was failed over: where it must not run, or who takes its calls instead. */
export interface Moved {
  away: string[];
  standby?: string;
}

/** What all records together say. */
export interface JournalState {
  epoch: number;
  /** Processes that ran when the journal was written last; key is the node's id or `program:<name>`. */
  processes: Record<string, { identity: ProcessIdentity; incarnation: number }>;
  /** Last incarnation of each node, program and `<service>@<node>`. */
  incarnations: Record<string, number>;
  replicas: Partial<Record<Organ, number>>;
  stopped: string[];
  attempts: Record<string, { attempts: number; exhausted: boolean }>;
  healing: HealingRecord[];
  /** All successful restarts so far. */
  restarts: number;
  /** How often each program and `<service>@<node>` was started since `azora up`. */
  starts: Record<string, number>;
  launched: boolean;
  /** Epoch of the healer that may act. */
  healer: number;
  moved: Record<string, Moved>;
  /** Most calls of a service at once, on each of its nodes. */
  limits: Record<string, number>;
  nodeOptions: Record<string, NodeOptions>;
}

export const MAX_HEALING_RECORDS = 1000;

export function emptyState(): JournalState {
  return {
    epoch: 0,
    processes: {},
    incarnations: {},
    replicas: {},
    stopped: [],
    attempts: {},
    healing: [],
    restarts: 0,
    starts: {},
    launched: false,
    healer: 0,
    moved: {},
    limits: {},
    nodeOptions: {},
  };
}

/** Applies one record to the state. */
export function fold(state: JournalState, record: JournalRecord): void {
  switch (record.type) {
    case "epoch":
      state.epoch = record.epoch;
      break;
    case "process":
      state.processes[record.key] = { identity: record.identity, incarnation: record.incarnation };
      state.incarnations[record.key] = record.incarnation;
      state.starts[record.key] = (state.starts[record.key] ?? 0) + 1;
      break;
    case "gone":
      delete state.processes[record.key];
      break;
    case "incarnation":
      state.incarnations[record.key] = record.incarnation;
      state.starts[record.key] = (state.starts[record.key] ?? 0) + 1;
      break;
    case "scale":
      state.replicas[record.organ] = record.replicas;
      break;
    case "stop":
      state.stopped = state.stopped.filter((name) => name !== record.service);
      if (record.stopped) state.stopped.push(record.service);
      break;
    case "attempts":
      if (record.attempts === 0) delete state.attempts[record.key];
      else state.attempts[record.key] = { attempts: record.attempts, exhausted: record.exhausted };
      break;
    case "healing": {
      state.healing.push(record.record);
      if (state.healing.length > MAX_HEALING_RECORDS) state.healing.shift();
      if (record.record.success && /start/.test(record.record.action)) state.restarts++;
      break;
    }
    case "healer":
      state.healer = record.epoch;
      break;
    case "moved":
      if (record.away.length === 0 && !record.standby) delete state.moved[record.service];
      else state.moved[record.service] = { away: record.away, ...(record.standby ? { standby: record.standby } : {}) };
      break;
    case "limit":
      if (record.concurrency === null) delete state.limits[record.service];
      else state.limits[record.service] = record.concurrency;
      break;
    case "node-options":
      state.nodeOptions[record.node] = withoutNull({ ...state.nodeOptions[record.node], ...record.options });
      break;
    case "launched":
      state.launched = true;
      break;
    case "down":
      if (record.otherProject) Object.assign(state, { replicas: {}, healing: [], restarts: 0, nodeOptions: {} });
      state.processes = {};
      state.stopped = [];
      state.attempts = {};
      state.starts = {};
      state.moved = {};
      state.limits = {};
      state.launched = false;
      break;
  }
}

/** Null takes a limit away. */
function withoutNull({ memoryLimitMB, ...options }: { memoryLimitMB?: number | null; niceness?: number }): NodeOptions {
  return memoryLimitMB ? { ...options, memoryLimitMB } : options;
}
