import { hash } from "node:crypto";
import { EventEmitter } from "node:events";
import type { ServiceBroker } from "moleculer";
import { idOfKey } from "../../tlog/entry.ts";
import type { Clock } from "../clock.ts";
import { AzoraError } from "../errors.ts";
import { epochOf } from "./epoch.ts";
import type { MemoryBuffer } from "./memory-buffer.ts";
import type { Outbox } from "./outbox.ts";
import { payloadJson } from "./payload.ts";
import type { Grade, PendingRecord } from "./record.ts";

/** Whose and what for an entry is; all of it is optional. */
export interface RecordOptions {
  /** To whom the data is about: it is kept so that it can be erased. */
  subject?: string | undefined;
  /** Who did it. */
  actor?: string | undefined;
  requestId?: string | undefined;
  /** Full name of the service that tells it. */
  service?: string | undefined;
}

/** One entry that was, or was not, taken for delivery. */
export interface Recorded {
  /** In which it was recorded, as its key says. */
  epoch: number;
  key: string;
  grade: Grade;
}

interface RecorderEvents {
  /** It will be in the chain, unless the process dies: a best-effort one then is lost, a durable one if it is not on disk yet. */
  recorded: [Recorded];
  /** It will never be in the chain. */
  dropped: [Recorded];
}

/** What a node's recorder has done since it started, and what waits. */
export interface RecorderStats {
  recorded: { durable: number; bestEffort: number };
  dropped: { durable: number; bestEffort: number };
  /** Entries that the chain refused for good. */
  refused: number;
  delivered: number;
  /** Not acknowledged yet, bytes: on disk, and in memory. */
  waiting: { outbox: number; memory: number };
  /** Why audit events are being dropped, or are not on disk, or do not get to the chain. Absent where all is well. */
  trouble?: string;
}

export interface RecorderOptions {
  broker: Pick<ServiceBroker, "nodeID" | "instanceID">;
  clock: Clock;
  outbox: Outbox;
  buffer: MemoryBuffer;
  /** There is something to deliver. */
  pending(grade: Grade): void;
  /** Something was dropped. */
  dropped(grade: Grade): void;
  stats(): RecorderStats;
}

/** Data above this size is recorded by its hash, bytes: a leaf of the chain has 60 KiB, and sealing makes a third more of it. */
export const MOST_DATA_BYTES = 44 * 1024;

/** Takes what a node records for the chain. */
export class Recorder extends EventEmitter<RecorderEvents> {
  readonly #options: RecorderOptions;
  /** What is the same in each entry's key and source, as JSON. */
  readonly #keyStart: string;
  readonly #origin: string;
  readonly counts = { durable: 0, "best-effort": 0 };
  readonly drops = { durable: 0, "best-effort": 0 };
  #seq = 0;

  constructor(options: RecorderOptions) {
    super();
    this.#options = options;
    const { nodeID, instanceID } = options.broker;
    this.#keyStart = JSON.stringify(`${nodeID}/${instanceID}/`).slice(0, -1);
    this.#origin = `"node":${JSON.stringify(nodeID)},"instance":${JSON.stringify(instanceID)}`;
  }

  /**
   * Records so that it survives the death of this process. Resolves with the entry's id when the bytes are on this node's disk.
   * @throws AzoraError CHAIN_ENTRY_INVALID where the data is no JSON or too large; CHAIN_OUTBOX_FULL where it was dropped;
   *   CHAIN_UNAVAILABLE where the disk refuses: it then waits in memory, and is written or delivered as soon as that is possible
   */
  async durable(eventType: string, data: Record<string, unknown>, options: RecordOptions = {}): Promise<string> {
    const json = checked(data);
    const record = this.#make("durable", eventType, json, options);
    if (!this.#options.outbox.hasRoomFor(record.text.length)) {
      this.#drop("durable", record);
      throw full(this.#options.broker.nodeID);
    }
    this.#taken("durable", record);
    const why = await this.#options.outbox.put(record, true);
    if (why !== undefined) throw unwritable(this.#options.broker.nodeID, why);
    return idOfKey(record.key);
  }

  /** Records without a wait and without a promise: in memory, delivered in batches, dropped where there is no room. */
  bestEffort(eventType: string, data: Record<string, unknown>, options: RecordOptions = {}): void {
    this.#remember(eventType, checked(data), options);
  }

  stats(): RecorderStats {
    return this.#options.stats();
  }

  /**
   * Takes an event that a rule captures. Never throws.
   * @returns for a durable one: resolves when it is on disk, or when it is clear that it is not
   */
  capture(grade: Grade, event: string, payload: unknown, options: RecordOptions): Promise<unknown> | undefined {
    const json = captured(payload);
    if (grade === "best-effort") {
      this.#remember(event, json, options);
      return undefined;
    }
    const record = this.#make(grade, event, json, options);
    if (!this.#options.outbox.hasRoomFor(record.text.length)) {
      this.#drop(grade, record);
      return undefined;
    }
    this.#taken(grade, record);
    return this.#options.outbox.put(record);
  }

  #remember(eventType: string, json: string, options: RecordOptions): void {
    const record = this.#make("best-effort", eventType, json, options);
    if (!this.#options.buffer.add(record)) {
      this.#drop("best-effort", record);
      return;
    }
    this.#taken("best-effort", record);
    this.#options.pending("best-effort");
  }

  #make(grade: Grade, eventType: string, payload: string, options: RecordOptions): PendingRecord {
    const { broker, clock } = this.#options;
    const seq = this.#seq++;
    const epoch = epochOf(clock.now());
    const key = `${broker.nodeID}/${broker.instanceID}/${epoch}/${seq}`;
    const { service, requestId, subject, actor } = options;
    const from = `${service ? `,"service":${JSON.stringify(service)}` : ""}${requestId ? `,"requestId":${JSON.stringify(requestId)}` : ""}`;
    const about = `${subject ? `,"subject":${JSON.stringify(subject)}` : ""}${actor ? `,"actor":${JSON.stringify(actor)}` : ""}`;
    const source = `{${this.#origin},"epoch":${epoch},"seq":${seq}${from}}`;
    const text = `{"idempotencyKey":${this.#keyStart}${epoch}/${seq}","eventType":${JSON.stringify(eventType)},"data":{"payload":${payload},"source":${source}}${about}}`;
    return { key, eventType, grade, epoch, text, done: false };
  }

  #taken(grade: Grade, { key, epoch }: PendingRecord): void {
    this.counts[grade]++;
    if (this.listenerCount("recorded") > 0) this.emit("recorded", { epoch, key, grade });
  }

  #drop(grade: Grade, { key, epoch }: PendingRecord): void {
    this.drops[grade]++;
    if (this.listenerCount("dropped") > 0) this.emit("dropped", { epoch, key, grade });
    this.#options.dropped(grade);
  }
}

function checked(data: unknown): string {
  const { json, path, why } = payloadJson(data);
  if (json === undefined) throw new AzoraError("CHAIN_ENTRY_INVALID", `${path} ${why}`, { path, why });
  const bytes = Buffer.byteLength(json);
  if (bytes <= MOST_DATA_BYTES) return json;
  throw new AzoraError(
    "CHAIN_ENTRY_INVALID",
    `data has ${bytes} bytes, but may have ${MOST_DATA_BYTES}; record larger data by its hash`,
    { path: "data", bytes, most: MOST_DATA_BYTES },
  );
}

/** An event is as it is: what cannot be in an entry is said in its place, so that the entry is there. */
function captured(payload: unknown): string {
  const { json, path, why } = payloadJson(payload);
  if (json === undefined) return JSON.stringify({ unrecordable: { path, why } });
  if (json.length * 3 <= MOST_DATA_BYTES || Buffer.byteLength(json) <= MOST_DATA_BYTES) return json;
  return JSON.stringify({ omitted: { bytes: Buffer.byteLength(json), sha256: hash("sha256", json) } });
}

function full(node: string): AzoraError {
  return new AzoraError(
    "CHAIN_OUTBOX_FULL",
    `${node} holds as many audit records as it may that the chain has not acknowledged; this one was dropped and counted`,
    { node },
  );
}

function unwritable(node: string, why: string): AzoraError {
  return new AzoraError(
    "CHAIN_UNAVAILABLE",
    `the outbox of ${node} cannot be written (${why}); the record waits in memory and is written when the disk takes it`,
    { node, why },
  );
}
