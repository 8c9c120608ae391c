import type { OptimizationRecord } from "../../../../models/performance.ts";
import type { Attempt } from "./attempt.ts";

/** Changes that one order may try, one after the other. */
const MOST_IN_TURN = 4;

/** One order to make a service faster: what it has tried, what is measured now, and what came of each. */
export class Run {
  readonly service: string;
  /** Who ordered it. */
  readonly by: string;
  /** Keys of changes that were tried, whatever came of them. */
  readonly tried = new Set<string>();
  /** What is measured now; nothing while a proposal is looked for or is being made. */
  measured: Attempt | undefined;
  /** With all verdicts there are. */
  readonly ended: Promise<OptimizationRecord[]>;
  /** In the order in which they were made. */
  readonly #records: OptimizationRecord[] = [];
  readonly #resolve: (records: OptimizationRecord[]) => void;
  #isCalledOff = false;

  constructor(service: string, by: string) {
    this.service = service;
    this.by = by;
    const { promise, resolve } = Promise.withResolvers<OptimizationRecord[]>();
    this.ended = promise;
    this.#resolve = resolve;
  }

  get records(): OptimizationRecord[] {
    return [...this.#records];
  }

  /** Whether another change may be tried. */
  get mayGoOn(): boolean {
    return !this.#isCalledOff && this.#records.length < MOST_IN_TURN;
  }

  /** Nothing is tried after what is measured now. */
  callOff(): void {
    this.#isCalledOff = true;
  }

  /** How a change stands now, in the place of how it stood before. */
  told(record: OptimizationRecord): void {
    const at = this.#records.findIndex(({ id }) => id === record.id);
    this.#records[at < 0 ? this.#records.length : at] = record;
  }

  end(): void {
    this.#resolve(this.records);
  }
}
