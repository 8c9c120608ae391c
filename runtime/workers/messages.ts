import type { Level } from "../logger.ts";
import type { Packed } from "./packing.ts";

/** What a worker thread is started with. */
export interface ThreadData {
  nodeId: string;
  namespace: string;
  instanceId: string;
  /** Folder whose modules are loaded afresh with a service. */
  root: string;
  foreign: boolean;
}

/** A service that a thread is to have, and from where. */
export interface ThreadService {
  /** New with each life of the service on its node. */
  id: number;
  fullName: string;
  file: string;
  generation: number;
  /** Names of what the living service has as its own; what of it the thread's copy lacks was made by `started`. */
  has: string[];
}

/** What a handler sees of its call. */
export interface ThreadContext {
  id: string;
  /** Full name of the action. */
  action: string;
  params: Packed;
  meta: Record<string, unknown>;
  headers: Record<string, unknown>;
  caller: string | null;
  requestID: string | null;
  parentID: string | null;
  level: number;
  timeout: number | null;
  /** Of `process.hrtime`, which all threads share. */
  startHrTime: [number, number] | null;
}

/** An error as it goes between threads. */
export interface PlainError {
  name: string;
  message: string;
  stack?: string;
  code?: unknown;
  type?: unknown;
  data?: unknown;
  retryable?: boolean;
  nodeID?: string;
}

/** Of a call's options, what may cross. */
export interface PlainOptions {
  timeout?: number;
  retries?: number;
  nodeID?: string;
  requestID?: string;
  caller?: string;
  meta?: Record<string, unknown>;
  headers?: Record<string, unknown>;
  groups?: string[];
}

export type ToThread =
  | { what: "run"; job: number; service: ThreadService; action: string; ctx: ThreadContext; transfer: boolean }
  | { what: "answer"; call: number; result: Packed; meta: Record<string, unknown> }
  | { what: "refusal"; call: number; error: PlainError; meta: Record<string, unknown> }
  | { what: "ping" };

export type CallKind = "call" | "emit" | "broadcast";

export type FromThread =
  | { what: "done"; job: number; result: Packed; meta: Record<string, unknown>; headers: Record<string, unknown> }
  | { what: "failed"; job: number; error: PlainError; meta: Record<string, unknown>; headers: Record<string, unknown> }
  | {
      what: "call";
      call: number;
      job: number;
      kind: CallKind;
      /** Of an action or an event. */
      name: string;
      params: Packed;
      options: PlainOptions;
      /** The caller's meta now; absent for a call that is not made by its context. */
      meta?: Record<string, unknown>;
    }
  | { what: "log"; job: number | undefined; service: string; level: Level; args: unknown[] }
  | { what: "dropped"; lines: number }
  | { what: "pong" };
