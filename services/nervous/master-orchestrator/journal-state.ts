import type { Organ } from "../../../runtime/discovery/metadata.ts";
import type { ProcessIdentity } from "../../../runtime/process-identity.ts";

/** One act of healing, as the API shows it. */
export interface HealingRecord {
  id: string;
  /** ISO 8601, when the failure was seen. */
  at: string;
  target: { service?: string; node?: string };
  failure: string;
  action: string;
  attempt: number;
  success: boolean;
  observed: { before: string; after: string };
  /** From the failure being seen to its end, ms. */
  duration: number;
  reason: string;
  /** Upper bound of the time from the failure to its being seen: since the last sign of life, ms. */
  detection: number;
}

export type JournalRecord =
  | { type: "epoch"; epoch: number; at: string }
  | { type: "process"; key: string; identity: ProcessIdentity; incarnation: number; at: string }
  | { type: "gone"; key: string; at: string }
  | { type: "incarnation"; key: string; incarnation: number }
  | { type: "scale"; organ: Organ; replicas: number; at: string }
  | { type: "stop"; service: string; stopped: boolean; at: string }
  | { type: "attempts"; key: string; attempts: number; exhausted: boolean }
  | { type: "healing"; record: HealingRecord }
  | { type: "launched"; at: string }
  | { type: "down"; otherProject?: boolean; at: string };

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
      if (!record.record.success) break;
      state.restarts++;
      break;
    }
    case "launched":
      state.launched = true;
      break;
    case "down":
      if (record.otherProject) Object.assign(state, { replicas: {}, healing: [], restarts: 0 });
      state.processes = {};
      state.stopped = [];
      state.attempts = {};
      state.starts = {};
      state.launched = false;
      break;
  }
}
