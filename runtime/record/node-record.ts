import { join } from "node:path";
import type { Middleware, Service, ServiceBroker } from "moleculer";
import type { CaptureState } from "../../models/capture-state.ts";
import { type Clock, systemClock } from "../clock.ts";
import { auditedRules } from "./audited.ts";
import { Capture } from "./capture.ts";
import type { CaptureRule } from "./capture-rules.ts";
import { configuredRules } from "./configured-rules.ts";
import { type AppendResult, Delivery } from "./delivery.ts";
import { DropReport } from "./drop-report.ts";
import { type OutboxFiles, outboxFiles } from "./files.ts";
import { Heirs } from "./heirs.ts";
import { claimOutbox, releaseOutbox } from "./left-outbox.ts";
import { MemoryBuffer } from "./memory-buffer.ts";
import { Outbox } from "./outbox.ts";
import type { Grade, PendingRecord } from "./record.ts";
import { Recorder, type RecorderStats } from "./recorder.ts";
import { provideRecorder } from "./recorder-of.ts";
import { Trouble } from "./trouble.ts";

export interface NodeRecordOptions {
  /** Where `outbox/<node>` lies. */
  dataDir: string;
  /** Whether events are captured; what services record themselves is recorded in any case. */
  capture: boolean;
  /** Rules beside the default ones. */
  rules?: readonly CaptureRule[];
  clock?: Clock;
  files?: OutboxFiles;
  /** See `OutboxOptions`. */
  maxBytes?: number;
}

const APPEND = "blockchain-logger.append";
const CAPTURED = "blockchain-logger.captured";
/** Time for which records wait for others to share a call with, ms. */
const LINGER_MS: Record<Grade, number> = { durable: 200, "best-effort": 250 };
/** The chain is away for longer than this when it is more than its restart, ms. */
const MISSED_MS = 10_000;
/** Room for one more entry of some size, characters. */
const SOME_ENTRY = 1000;
const SEND_TIMEOUT_MS = 15_000;
/** Time that the end of a node may take for what is still to be delivered, ms. */
const LAST_DELIVERY_MS = 1000;

/** What a node records for the audit chain: capture, outbox and delivery of one broker. */
export class NodeRecord {
  readonly recorder: Recorder;
  readonly capture: Capture;
  readonly #broker: ServiceBroker;
  readonly #clock: Clock;
  readonly #outbox: Outbox;
  readonly #buffer = new MemoryBuffer();
  readonly #delivery: Delivery;
  readonly #heirs: Heirs;
  readonly #drops: DropReport;
  readonly #trouble: Trouble;
  readonly #folder: string;
  readonly #options: NodeRecordOptions;
  #refused = 0;
  /** Version of what an operator has changed. */
  #captured = 0;
  #hasAsked = false;
  /** Since when there is something to deliver, and nobody to deliver it to. */
  #missedSince: number | undefined;

  constructor(broker: ServiceBroker, options: NodeRecordOptions) {
    const { dataDir, clock = systemClock, files = outboxFiles, maxBytes } = options;
    const { nodeID, instanceID } = broker;
    const outboxes = join(dataDir, "outbox");
    const logger = broker.getLogger("recorder");
    this.#options = options;
    this.#broker = broker;
    this.#clock = clock;
    // A node's id may be anything; its folder's name is one part of a path.
    this.#folder = join(outboxes, encodeURIComponent(nodeID));
    this.#trouble = new Trouble(clock, logger);
    const damaged = (path: string, why: string) => this.#damaged(path, why);
    this.#outbox = new Outbox({
      folder: this.#folder,
      instance: instanceID,
      files,
      clock,
      damaged,
      claim: () => {
        if (!claimOutbox(this.#folder, instanceID)) throw new Error("another process holds this outbox");
      },
      ready: () => this.#delivery.wake(LINGER_MS.durable),
      trouble: (why) => this.#trouble.set("disk", why && `the outbox cannot be written: ${why}`),
      ...(maxBytes === undefined ? {} : { maxBytes }),
    });
    this.#delivery = new Delivery({
      clock,
      isReachable: () => broker.registry?.actions.isAvailable(APPEND) ?? false,
      send: (texts) => this.#send(texts),
      refused: (record, why) => this.#tellRefused(record, why),
      trouble: (why) => this.#trouble.set("chain", why && `the chain takes nothing: ${why}`),
      settled: () => void this.#heirs.tidy(),
    });
    this.#delivery.add(this.#outbox);
    this.#delivery.add(this.#buffer);
    this.#heirs = new Heirs({
      outboxes,
      own: this.#folder,
      clock,
      reading: { files, damaged },
      taken: (left) => {
        logger.info(`delivers what ${left.folder} has left (${left.bytes} bytes)`);
        this.#delivery.add(left);
        this.#delivery.wake(0);
      },
      given: (left) => this.#delivery.remove(left),
    });
    this.recorder = new Recorder({
      broker,
      clock,
      outbox: this.#outbox,
      buffer: this.#buffer,
      pending: (grade) => this.#delivery.wake(LINGER_MS[grade]),
      dropped: (grade) => this.#dropped(grade),
      stats: () => this.#stats(),
    });
    this.#drops = new DropReport(
      clock,
      () => this.#outbox.hasRoomFor(SOME_ENTRY),
      (drops) => this.#enter("record.dropped", { ...drops }),
    );
    this.capture = new Capture(this.recorder, options.rules);
    this.capture.turn(options.capture);
    provideRecorder(broker, this.recorder);
    records.set(broker, this);
  }

  start(): void {
    const wake = () => this.#delivery.wake(0);
    this.#broker.localBus.on("$services.changed", () => {
      wake();
      void this.#askWhatIsCaptured();
    });
    void this.#askWhatIsCaptured();
    this.#heirs.start();
    process.on("exit", this.#rescue);
    if (!this.capture.isOn) this.#enter("record.capture", { capture: "off", by: "AZORA_CHAIN_CAPTURE" });
  }

  /** Delivers what can be delivered within a second, while the bus is still there. */
  async deliverLast(): Promise<void> {
    await this.#outbox.flushed();
    let cancel: (() => void) | undefined;
    const late = new Promise<void>((resolve) => {
      cancel = this.#clock.after(LAST_DELIVERY_MS, resolve);
    });
    await Promise.race([this.#delivery.run(), late]);
    cancel?.();
  }

  /** What is not delivered stays on disk for an heir; what was only in memory is counted. */
  async close(): Promise<void> {
    this.#delivery.close();
    for (const { grade } of this.#buffer.take()) this.#drops.add(grade);
    this.#drops.tell();
    this.#drops.close();
    this.#trouble.close();
    await this.#heirs.close();
    await this.#outbox.close();
    process.off("exit", this.#rescue);
    await releaseOutbox(this.#folder, this.#broker.instanceID);
  }

  /** What an operator has changed for all nodes. What this node's own environment switches off stays off. */
  takeCaptured({ version, off, events }: CaptureState): void {
    if (version < this.#captured) return;
    this.#captured = version;
    this.capture.configure([...configuredRules(events.join(",")), ...(this.#options.rules ?? [])]);
    this.capture.turn(this.#options.capture && !off);
  }

  /** Once each time that the chain comes: what was told while it or this node was away is not told again. */
  async #askWhatIsCaptured(): Promise<void> {
    const isThere = this.#broker.registry.actions.isAvailable(CAPTURED);
    const isNew = isThere && !this.#hasAsked;
    this.#hasAsked = isThere;
    if (!isNew) return;
    try {
      this.takeCaptured((await this.#broker.call(CAPTURED, {}, { timeout: SEND_TIMEOUT_MS })) as CaptureState);
    } catch {
      this.#hasAsked = false;
    }
  }

  readonly #rescue = (): void => this.#outbox.rescue();

  async #send(texts: readonly string[]): Promise<AppendResult[]> {
    // As texts: a serializer of the bus may make something else of half a character, or of a member "__proto__".
    const answer = await this.#broker.call(APPEND, { entries: texts }, { timeout: SEND_TIMEOUT_MS });
    return (answer as { results: AppendResult[] }).results;
  }

  #tellRefused(record: PendingRecord, why: object): void {
    this.#refused++;
    const { key, eventType } = record;
    this.#broker.getLogger("recorder").warn(`the chain refused ${eventType} for good`, { key, ...why });
    // The entry about a refusal must not give another one.
    if (eventType !== "record.refused") this.#enter("record.refused", { key, eventType, ...why });
  }

  #damaged(path: string, why: string): void {
    if (!this.#trouble.set(path, `${path}: ${why}`)) return;
    this.#enter("record.damaged", { file: path, why });
  }

  #dropped(grade: Grade): void {
    this.#drops.add(grade);
    const what = grade === "durable" ? "the outbox is full" : "the memory for best-effort events is full";
    this.#trouble.set(grade, `audit events are dropped: ${what}`);
  }

  #enter(eventType: string, data: Record<string, unknown>): void {
    this.recorder.durable(eventType, data).catch(() => {});
  }

  #lookForChain(): void {
    const now = this.#clock.now();
    if (this.#outbox.bytes === 0 || this.#broker.registry.actions.isAvailable(APPEND)) this.#missedSince = undefined;
    else this.#missedSince ??= now;
    const isGone = this.#missedSince !== undefined && now - this.#missedSince >= MISSED_MS;
    this.#trouble.set("away", isGone ? "audit events wait on disk: there is no audit chain" : undefined);
  }

  #stats(): RecorderStats {
    const { counts, drops } = this.recorder;
    if (this.#outbox.hasRoomFor(SOME_ENTRY)) this.#trouble.set("durable", undefined);
    if (this.#buffer.hasRoom) this.#trouble.set("best-effort", undefined);
    this.#lookForChain();
    const trouble = this.#trouble.now;
    return {
      recorded: { durable: counts.durable, bestEffort: counts["best-effort"] },
      dropped: { durable: drops.durable, bestEffort: drops["best-effort"] },
      refused: this.#refused,
      delivered: this.#delivery.delivered,
      waiting: { outbox: this.#outbox.bytes, memory: this.#buffer.bytes },
      ...(trouble === undefined ? {} : { trouble }),
    };
  }
}

const records = new WeakMap<object, NodeRecord>();

/** The whole of what a node records with. */
export function nodeRecordOf(broker: ServiceBroker): NodeRecord {
  return records.get(broker)!;
}

/** Gives a broker its recorder. To stand innermost, so that what is recorded is what was told. */
export function recordMiddleware(options: NodeRecordOptions): Middleware {
  return ((broker: ServiceBroker) => {
    const record = new NodeRecord(broker, options);
    const { emit, broadcast, broadcastLocal } = record.capture;
    return {
      name: "Record",
      emit,
      broadcast,
      broadcastLocal,
      serviceCreated({ fullName, name, metadata }: Service) {
        record.capture.declare(fullName, auditedRules(name, metadata["audited"]));
      },
      started: async () => record.start(),
      stopping: () => record.deliverLast(),
      stopped: () => record.close(),
    };
  }) as unknown as Middleware;
}
