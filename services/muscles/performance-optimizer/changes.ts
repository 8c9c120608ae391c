import type { ServiceBroker } from "moleculer";
import type { StoreMethods } from "../../../mixins/store/store.ts";
import type { OptimizationRecord, PerformanceReport } from "../../../models/performance.ts";
import type { Clock } from "../../../runtime/clock.ts";
import { carriers } from "./carriers.ts";
import { CacheBudgetKnob } from "./knobs/cache-budget.ts";
import { ConcurrencyLimitKnob } from "./knobs/concurrency-limit.ts";
import type { Measurements } from "./measurements/measurements.ts";
import { GarbageKnob } from "./pools/garbage-knob.ts";
import { PoolSizer, type PoolStep } from "./pools/pool-sizer.ts";
import { queryKnobs } from "./queries/query-knobs.ts";
import { queryNodes } from "./queries/query-nodes.ts";
import { QueryOptimizer } from "./queries/query-optimizer.ts";
import { Book } from "./records/book.ts";
import { ChangeRecords } from "./records/change-records.ts";
import type { ExperimentTimes } from "./tuning/experiment.ts";
import { MeasuredTraffic } from "./tuning/traffic.ts";
import { Tuner } from "./tuning/tuner.ts";

export interface ChangesOptions {
  broker: ServiceBroker;
  logger: ServiceBroker["logger"];
  store: StoreMethods;
  measurements: Measurements;
  /** Monotonic. */
  clock: Clock;
  /** ms since the epoch. */
  wall: () => number;
  /** How long changes are measured. */
  times?: Partial<ExperimentTimes> | undefined;
  warn(error: Error): void;
}

const NODE_CALL_MS = 10_000;
const IS_TRIED = "something is being tried";

/** Everything that is changed in the organism: tried by the tuner, followed as an advice on queries, or a pool's size. */
export class Changes {
  readonly queries: QueryOptimizer;
  readonly #tuner: Tuner;
  readonly #options: ChangesOptions;
  readonly #traffic: MeasuredTraffic;
  readonly #book: Book;
  readonly #records: ChangeRecords;
  readonly #garbage: GarbageKnob;
  readonly #sizer: PoolSizer;

  constructor(options: ChangesOptions) {
    this.#options = options;
    const { broker, logger, store, measurements, clock, wall, times, warn } = options;
    const call = (node: string, action: string, params: Record<string, unknown>) =>
      broker.call(action, params, { nodeID: node, timeout: NODE_CALL_MS });
    this.#traffic = new MeasuredTraffic(measurements, clock.now, (name) => carriers(broker).get(name) ?? []);
    this.#book = new Book(store);
    this.#records = new ChangeRecords({ broker, book: this.#book, wall, warn });
    this.queries = new QueryOptimizer({
      nodes: queryNodes(broker),
      record: (record, undoing) => this.#records.trial(record, undoing),
      isTaken: (service) => this.#tuner.isBusy(service),
      clock,
      wall,
    });
    this.#garbage = new GarbageKnob(call, clock.now);
    this.#sizer = new PoolSizer({
      record: (step) => this.#poolStep(step),
      resize: async ({ node, pool, to }) =>
        (await call(node, "node-performance.resizePool", { name: pool, size: to })) as never,
      done: (step, outcome) => this.#poolDone(step, outcome),
    });
    const actions = (service: string) => measurements.actions.figures(service);
    this.#tuner = new Tuner({
      clock,
      wall,
      knobs: [
        ...queryKnobs(this.queries),
        new CacheBudgetKnob(() => measurements.caches(), call),
        new ConcurrencyLimitKnob(actions, () => measurements.nodes.figures(), call),
        this.#garbage,
      ],
      traffic: this.#traffic,
      book: this.#book,
      onRecord: (step, record) => this.#records.onRecord(step, record),
      logger,
      isTaken: (service) => this.queries.isBusy(service),
      ...(times ? { times } : {}),
    });
  }

  /** Services on which something is being tried. */
  get tried(): string[] {
    return [...this.#tuner.busy, ...this.queries.busy];
  }

  /** Changes that are still in force though they should not be. */
  get waitingToUndo(): string[] {
    return [...this.#tuner.waitingToUndo, ...this.queries.waitingToUndo];
  }

  /** What a former process was measuring when it ended is undone. */
  start(): Promise<void> {
    return this.#tuner.resume();
  }

  /** Nothing is made any more. */
  stop(): void {
    this.#tuner.stop();
    this.queries.stop();
  }

  /** To be called about once a second. */
  async tick(): Promise<void> {
    await this.#tuner.tick();
    await this.queries.tick();
  }

  /** @param isNew a new life of its node has begun */
  observe(report: PerformanceReport, isNew: boolean): void {
    this.#garbage.observe(report);
    this.#sizer.observe(report, this.#options.clock.now());
    if (isNew) void this.#tuner.nodeCame(report.node).catch(this.#options.warn);
  }

  /** @param name of a service or a node, to which something happened */
  disturb(name: string, why: string): void {
    this.#traffic.disturb(name, why);
  }

  optimize(service: string, by: string, wait: boolean): Promise<OptimizationRecord[]> {
    return this.#tuner.optimize(service, by, wait);
  }

  async takeBack(id: string, by: string): Promise<OptimizationRecord> {
    return (await this.queries.takeBack(id, by)) ?? this.#tuner.takeBack(id, by);
  }

  /** Newest first. */
  history(limit: number): Promise<OptimizationRecord[]> {
    return this.#book.newest(limit);
  }

  /** It waits while something is tried on its node. */
  async #poolStep(step: PoolStep): Promise<void> {
    const nodesOf = carriers(this.#options.broker);
    const busy = this.tried.filter((service) => nodesOf.get(service)?.includes(step.node));
    if (busy.length > 0) throw new Error(`${IS_TRIED} on ${busy.join(", ")}`);
    await this.#records.poolBegun(step);
  }

  #poolDone(step: PoolStep, outcome: { after: number } | { error: Error }): void {
    if ("error" in outcome && outcome.error.message.startsWith(IS_TRIED)) return;
    this.#records.poolDone(step, outcome);
  }
}
