import type { ServiceBroker } from "moleculer";
import type { StoreMethods } from "../../../mixins/store/store.ts";
import type { OptimizationRecord } from "../../../models/performance.ts";
import type {
  CacheStatus,
  MemoryStatus,
  PerformanceMetrics,
  PoolStatus,
  QueryAdvice,
  ServiceAnalysis,
} from "../../../models/performance-views.ts";
import type { ServiceQueries } from "../../../models/query-facts.ts";
import { type Clock, monotonicClock } from "../../../runtime/clock.ts";
import type { VitalsReport } from "../../../runtime/vitals/node-vitals.ts";
import { Analyses } from "./analysis/analyses.ts";
import { Analyst } from "./analysis/analyst.ts";
import { RegressionNews } from "./analysis/regression-news.ts";
import { carriers, mustBeNode, mustBeService } from "./carriers.ts";
import { Changes } from "./changes.ts";
import { healthOf } from "./health.ts";
import { performanceMetrics } from "./measurements/metrics.ts";
import { Observed } from "./observed.ts";
import { RecentAdvice } from "./queries/recent-advice.ts";
import { Minutes } from "./records/minutes.ts";
import { Rounds } from "./rounds.ts";
import type { ExperimentTimes } from "./tuning/experiment.ts";
import { cacheStatus, poolStatus } from "./views.ts";

export interface OptimizerOptions {
  broker: ServiceBroker;
  logger: ServiceBroker["logger"];
  store: StoreMethods;
  /** Monotonic. @default performance.now */
  clock?: Clock;
  /** ms since the epoch. @default Date.now */
  wall?: () => number;
  /** How long changes are measured. */
  times?: Partial<ExperimentTimes>;
}

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;

/** Measures, analyses and tunes. The service beside it only hands on. */
export class Optimizer {
  readonly #options: OptimizerOptions;
  readonly #clock: Clock;
  readonly #wall: () => number;
  readonly #observed: Observed;
  readonly #minutes: Minutes;
  /** Why the newest minute is not stored; nothing where it is. */
  #storeFailure: string | undefined;
  readonly #changes: Changes;
  readonly #advice: RecentAdvice;
  readonly #analyst: Analyst;
  readonly #analyses: Analyses;
  readonly #regressions: RegressionNews;
  readonly #rounds: Rounds;
  #isStopped = false;

  constructor(options: OptimizerOptions) {
    this.#options = options;
    const { broker, logger, store, clock = monotonicClock, wall = Date.now } = options;
    this.#clock = clock;
    this.#wall = wall;
    this.#observed = new Observed(clock);
    const { measurements } = this.#observed;
    this.#minutes = new Minutes(store);
    const warn = (error: Error) => this.#warn(error);
    this.#changes = new Changes({ broker, logger, store, measurements, clock, wall, times: options.times, warn });
    this.#advice = new RecentAdvice((service) => this.#changes.queries.advice(service), clock);
    this.#analyst = new Analyst({ clock });
    this.#analyses = new Analyses({
      broker,
      measurements,
      analyst: this.#analyst,
      clock,
      wall,
      loopDelayOf: (node) => this.#observed.loopDelayOf(node),
      adviceFor: (service) => this.#advice.factsOf(service),
    });
    this.#regressions = new RegressionNews(broker);
    this.#rounds = new Rounds(clock, warn);
  }

  async start(): Promise<void> {
    await this.#changes.start();
    this.#rounds.every(SECOND_MS, () => this.#changes.tick());
    this.#rounds.every(MINUTE_MS, () => this.#minute());
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#rounds.stop();
    this.#changes.stop();
    await this.#analyst.stop();
  }

  report(given: unknown): void {
    const taken = this.#observed.report(given);
    if (taken) this.#changes.observe(taken.report, taken.isNew);
  }

  vitals(report: VitalsReport): void {
    this.#observed.vitals(report);
  }

  nodeDown(node: string): void {
    this.#observed.nodeDown(node);
    this.disturb(node, `${node} went down`);
  }

  /** @param name of a service or a node, to which something happened */
  disturb(name: string, why: string): void {
    this.#changes.disturb(name, why);
  }

  metrics(service?: string): PerformanceMetrics {
    if (service !== undefined) this.#mustExist(service);
    return performanceMetrics({
      measurements: this.#observed.measurements,
      now: this.#clock.now(),
      since: this.#observed.since,
      at: new Date(this.#wall()),
      service,
      carriers: carriers(this.#options.broker),
      trendOf: (name) => this.#analyses.trendOf(name),
    });
  }

  pools(): PoolStatus[] {
    return poolStatus(this.#observed.measurements);
  }

  caches(service?: string): CacheStatus[] {
    if (service !== undefined) this.#mustExist(service);
    return cacheStatus(this.#observed.measurements, service);
  }

  memoryStatus(): MemoryStatus[] {
    return this.#observed.memory.status();
  }

  /** One service anew; all as they were within the last minute, else anew. */
  async analyze(service?: string): Promise<ServiceAnalysis[]> {
    if (service === undefined) return this.#analyses.all();
    this.#mustExist(service);
    await this.#advice.refresh(service);
    return this.#analyses.analyze([service]);
  }

  async optimize(service: string, by: string, wait: boolean): Promise<OptimizationRecord[]> {
    this.#mustExist(service);
    return this.#changes.optimize(service, by, wait);
  }

  history(limit: number): Promise<OptimizationRecord[]> {
    return this.#changes.history(limit);
  }

  /** Measured queries of the stores. */
  queries(service?: string): Promise<ServiceQueries[]> {
    return this.#changes.queries.queries(service);
  }

  async advice(service?: string): Promise<QueryAdvice[]> {
    if (service !== undefined) this.#mustExist(service);
    return this.#advice.give(service);
  }

  async applyAdvice(id: string, by: string): Promise<OptimizationRecord> {
    return this.#changes.queries.applyAdvice(id, by);
  }

  async takeBack(id: string, by: string): Promise<OptimizationRecord> {
    return this.#changes.takeBack(id, by);
  }

  /** @throws AzoraError NOT_FOUND */
  async onNode(node: string, action: string, params: Record<string, unknown>, timeout: number): Promise<unknown> {
    const { broker } = this.#options;
    mustBeNode(broker, node);
    return broker.call(`node-performance.${action}`, params, { nodeID: node, timeout });
  }

  health(): ReturnType<typeof healthOf> {
    return healthOf({
      silence: this.#observed.silence,
      refused: this.#observed.measurements.refused,
      analysis: this.#analyst.failure,
      store: this.#storeFailure,
      tried: this.#changes.tried,
      undoing: this.#changes.waitingToUndo,
    });
  }

  async #minute(): Promise<void> {
    this.#observed.tidy();
    await this.#store();
    if (!this.#advice.isFresh) await this.advice().catch(() => {});
    await this.#analyses.analyze();
    this.#regressions.tell(this.#analyses.list());
  }

  async #store(): Promise<void> {
    try {
      const { services } = this.metrics();
      await this.#minutes.put({
        at: new Date(this.#wall()),
        services,
        caches: this.#observed.measurements.caches(),
        pools: this.pools(),
      });
      this.#storeFailure = undefined;
    } catch (error) {
      this.#storeFailure = (error as Error).message;
    }
  }

  #mustExist(service: string): void {
    mustBeService(this.#options.broker, service, this.#observed.measurements.services.keys());
  }

  #warn(error: Error): void {
    if (!this.#isStopped) this.#options.logger.warn(error.message);
  }
}
