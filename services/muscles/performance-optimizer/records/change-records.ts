import type { ServiceBroker } from "moleculer";
import type { OptimizationRecord } from "../../../../models/performance.ts";
import { hasRecorder, recorderOf } from "../../../../runtime/record/recorder-of.ts";
import type { PoolStep } from "../pools/pool-sizer.ts";
import type { Undoing } from "../tuning/knob.ts";
import type { Book, Entry } from "./book.ts";

export interface ChangeRecordsOptions {
  broker: ServiceBroker;
  book: Book;
  /** ms since the epoch. */
  wall: () => number;
  warn(error: Error): void;
}

/** Puts changes down in the book, and on the audit chain. */
export class ChangeRecords {
  readonly #options: ChangeRecordsOptions;

  constructor(options: ChangeRecordsOptions) {
    this.#options = options;
  }

  /** A change of queries, which their own advisor compares. */
  async trial(record: OptimizationRecord, undoing: Undoing): Promise<void> {
    const isBegun = record.status === "measuring";
    const known = isBegun ? undefined : await this.#options.book.get(record.id);
    const entry: Entry = {
      ...record,
      actions: known?.actions ?? [],
      undoing: known?.undoing ?? undoing,
      fleeting: known?.fleeting ?? false,
    };
    await this.#options.book.put(entry);
    if (isBegun) {
      try {
        await this.onRecord("begun", record);
      } catch (error) {
        const outcome = `it could not be put on record, so it was not made: ${(error as Error).message}`;
        await this.#options.book.put({ ...entry, status: "failed", outcome });
        throw error;
      }
    } else {
      await this.onRecord("ended", record).catch(this.#options.warn);
    }
  }

  /** A size that follows demand is not tried, it is reckoned. */
  async poolBegun(step: PoolStep): Promise<void> {
    await this.onRecord("begun", poolRecord(step, this.#options.wall()));
  }

  poolDone(step: PoolStep, outcome: { after: number } | { error: Error }): void {
    const record = poolRecord(step, this.#options.wall());
    const isDone = "after" in outcome;
    const entry: Entry = {
      ...record,
      status: isDone ? "kept" : "failed",
      outcome: isDone ? `it has ${outcome.after} places now` : outcome.error.message,
      actions: [],
      undoing: { name: step.pool, size: step.from },
      fleeting: false,
    };
    this.#options.book.put(entry).catch(this.#options.warn);
  }

  async onRecord(step: string, record: OptimizationRecord): Promise<void> {
    const { broker } = this.#options;
    if (!hasRecorder(broker)) return;
    await recorderOf(broker).durable(
      "performance.optimization",
      { step, ...record },
      { service: "performance-optimizer" },
    );
  }
}

function poolRecord(step: PoolStep, wall: number): OptimizationRecord {
  return {
    id: `${step.node}-${step.pool}-${wall}`.replace(/[^A-Za-z0-9_-]/g, "-").slice(-100),
    at: new Date(wall).toISOString(),
    service: step.service ?? step.node,
    node: step.node,
    kind: "pool-size",
    change: `Give the pool ${step.pool} on ${step.node} ${step.to} places instead of ${step.from}`,
    reason: step.reason,
    status: "measuring",
    by: "optimizer",
  };
}
