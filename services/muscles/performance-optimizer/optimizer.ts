import type { ServiceBroker } from "moleculer";
import type { StoreMethods } from "../../../mixins/store/store.ts";
import type { OptimizationRecord, PerformanceReport } from "../../../models/performance.ts";
import type {
  CacheStatus,
  MemoryStatus,
  PerformanceMetrics,
  PoolStatus,
  QueryAdvice,
  ServiceAnalysis,
} from "../../../models/performance-views.ts";
import { type Clock, monotonicClock, sleep } from "../../../runtime/clock.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import { nearest } from "../../../runtime/nearest.ts";
import type { VitalsReport } from "../../../runtime/vitals/node-vitals.ts";
import { Analyst } from "./analysis/analyst.ts";
import { declarationsOf, factsOf, inTurns } from "./analysis/facts-of.ts";
import { RegressionNews } from "./analysis/regression-news.ts";
import type { AdviceFacts } from "./analysis/service-facts.ts";
import { CacheBudgetKnob } from "./knobs/cache-budget.ts";
import { ConcurrencyLimitKnob } from "./knobs/concurrency-limit.ts";
import { Measurements } from "./measurements/measurements.ts";
import { performanceMetrics } from "./measurements/metrics.ts";
import { MemoryGrowth } from "./memory/growth.ts";
import { GarbageKnob } from "./pools/garbage-knob.ts";
import { PoolSizer, type PoolStep } from "./pools/pool-sizer.ts";
import { queryKnobs } from "./queries/query-knobs.ts";
import { queryNodes } from "./queries/query-nodes.ts";
import { QueryOptimizer } from "./queries/query-optimizer.ts";
import { Book } from "./records/book.ts";
import { ChangeRecords } from "./records/change-records.ts";
import { Minutes } from "./records/minutes.ts";
import type { ExperimentTimes } from "./tuning/experiment.ts";
import { MeasuredTraffic } from "./tuning/traffic.ts";
import { Tuner } from "./tuning/tuner.ts";
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
/** Advice on queries is asked for anew, ms. */
const ADVICE_MS = 5 * MINUTE_MS;
/** An analysis that is younger is given as it is, ms. */
const FRESH_MS = MINUTE_MS;
const SILENCE_MS = 5000;
const MOMENT_MS = 1000;
const NODE_CALL_MS = 10_000;
const MOST_NODES = 1000;
const IS_TRIED = "something is being tried";

/** Measures, analyses and tunes. The service beside it only hands on. */
export class Optimizer {
  readonly measurements: Measurements;
  readonly memory = new MemoryGrowth();
  readonly tuner: Tuner;
  readonly analyst: Analyst;
  readonly queries: QueryOptimizer;
  /** Why the newest minute is not stored; nothing where it is. */
  storeFailure: string | undefined;
  readonly #options: OptimizerOptions;
  readonly #clock: Clock;
  readonly #wall: () => number;
  readonly #traffic: MeasuredTraffic;
  readonly #book: Book;
  readonly #minutes: Minutes;
  readonly #garbage: GarbageKnob;
  readonly #sizer: PoolSizer;
  readonly #since: number;
  readonly #loopDelays = new Map<string, number>();
  readonly #analyses = new Map<string, { analysis: ServiceAnalysis; at: number }>();
  #advice: QueryAdvice[] = [];
  #advisedAt = Number.NEGATIVE_INFINITY;
  readonly #regressions: RegressionNews;
  readonly #changes: ChangeRecords;
  #cancel: (() => void)[] = [];
  #isStopped = false;

  constructor(options: OptimizerOptions) {
    this.#options = options;
    const { broker, logger, store, clock = monotonicClock, wall = Date.now } = options;
    this.#clock = clock;
    this.#wall = wall;
    this.#since = clock.now();
    this.measurements = new Measurements({ now: clock.now });
    this.#traffic = new MeasuredTraffic(this.measurements, clock.now, (name) => carriers(broker).get(name) ?? []);
    this.#book = new Book(store);
    this.#regressions = new RegressionNews(broker);
    this.#changes = new ChangeRecords({ broker, book: this.#book, wall, warn: (error) => this.#warn(error) });
    this.#minutes = new Minutes(store);
    this.analyst = new Analyst({ clock });
    const call = (node: string, action: string, params: Record<string, unknown>, timeout = NODE_CALL_MS) =>
      broker.call(action, params, { nodeID: node, timeout });
    this.queries = new QueryOptimizer({
      nodes: queryNodes(broker),
      record: (record, undoing) => this.#changes.trial(record, undoing),
      isTaken: (service) => this.tuner.isBusy(service),
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
    this.tuner = new Tuner({
      clock,
      wall,
      knobs: [
        ...queryKnobs(this.queries),
        new CacheBudgetKnob(() => this.measurements.caches(), call),
        new ConcurrencyLimitKnob(
          (service) => this.measurements.actions.figures(service),
          () => this.measurements.nodes.figures(),
          call,
        ),
        this.#garbage,
      ],
      traffic: this.#traffic,
      book: this.#book,
      onRecord: (step, record) => this.#changes.onRecord(step, record),
      logger,
      isTaken: (service) => this.queries.isBusy(service),
      ...(options.times ? { times: options.times } : {}),
    });
  }

  async start(): Promise<void> {
    await this.tuner.resume();
    this.#every(SECOND_MS, () => this.#second());
    this.#every(MINUTE_MS, () => this.#minute());
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const cancel of this.#cancel) cancel();
    this.tuner.stop();
    this.queries.stop();
    await this.analyst.stop();
  }

  report(given: unknown): void {
    const taken = this.measurements.take(given);
    if (!taken) return;
    const report = given as PerformanceReport;
    const now = this.#clock.now();
    this.memory.heap(report.node, report.instanceId, report.heapAfterGc, now);
    this.#garbage.observe(report);
    this.#sizer.observe(report, now);
    if (taken.isNew) void this.tuner.nodeCame(taken.node).catch((error: Error) => this.#warn(error));
  }

  vitals({ node, instanceId, memory, heapLimit, loopDelay }: VitalsReport): void {
    if (typeof node !== "string" || (this.#loopDelays.size >= MOST_NODES && !this.#loopDelays.has(node))) return;
    this.memory.resident(node, instanceId, memory, heapLimit, this.#clock.now());
    if (Number.isFinite(loopDelay?.p99)) this.#loopDelays.set(node, loopDelay.p99);
  }

  nodeDown(node: string): void {
    this.measurements.nodeDown(node);
    this.memory.nodeDown(node);
    this.#loopDelays.delete(node);
    this.disturb(node, `${node} went down`);
  }

  /** @param name of a service or a node, to which something happened */
  disturb(name: string, why: string): void {
    this.#traffic.disturb(name, why);
  }

  metrics(service?: string): PerformanceMetrics {
    if (service !== undefined) this.#mustExist(service);
    return performanceMetrics({
      measurements: this.measurements,
      now: this.#clock.now(),
      since: this.#since,
      at: new Date(this.#wall()),
      service,
      carriers: carriers(this.#options.broker),
      trendOf: (name) => this.#analyses.get(name)?.analysis.trend ?? "steady",
    });
  }

  pools(): PoolStatus[] {
    return poolStatus(this.measurements);
  }

  caches(service?: string): CacheStatus[] {
    if (service !== undefined) this.#mustExist(service);
    return cacheStatus(this.measurements, service);
  }

  memoryStatus(): MemoryStatus[] {
    return this.memory.status();
  }

  /** One service anew; all as they were within the last minute, else anew. */
  async analyze(service?: string): Promise<ServiceAnalysis[]> {
    if (service !== undefined) {
      this.#mustExist(service);
      await this.#recentAdvice(service);
      return this.#analyze([service]);
    }
    const now = this.#clock.now();
    const names = this.#measured();
    const stale = names.filter((name) => now - (this.#analyses.get(name)?.at ?? Number.NEGATIVE_INFINITY) > FRESH_MS);
    await this.#analyze(stale);
    return names.flatMap((name) => this.#analyses.get(name)?.analysis ?? []);
  }

  async optimize(service: string, by: string, wait: boolean): Promise<OptimizationRecord[]> {
    this.#mustExist(service);
    return this.tuner.optimize(service, by, wait);
  }

  history(limit: number): Promise<OptimizationRecord[]> {
    return this.#book.newest(limit);
  }

  async advice(service?: string): Promise<QueryAdvice[]> {
    if (service !== undefined) this.#mustExist(service);
    const found = await this.queries.advice(service);
    if (service === undefined) {
      this.#advice = found;
      this.#advisedAt = this.#clock.now();
    } else {
      this.#advice = [...this.#advice.filter((one) => one.service !== service), ...found];
    }
    return found;
  }

  async applyAdvice(id: string, by: string): Promise<OptimizationRecord> {
    return this.queries.applyAdvice(id, by);
  }

  async takeBack(id: string, by: string): Promise<OptimizationRecord> {
    return (await this.queries.takeBack(id, by)) ?? this.tuner.takeBack(id, by);
  }

  /** @throws AzoraError NODE_UNKNOWN */
  async onNode(node: string, action: string, params: Record<string, unknown>, timeout: number): Promise<unknown> {
    const { broker } = this.#options;
    const nodes = broker.registry.nodes.list({ onlyAvailable: true }).map(({ id }: { id: string }) => id) as string[];
    if (!nodes.includes(node)) {
      const meant = nearest(node, nodes);
      throw new AzoraError("NOT_FOUND", `No node is named ${node}${meant ? `; did you mean ${meant}?` : ""}`, { node });
    }
    return broker.call(`node-performance.${action}`, params, { nodeID: node, timeout });
  }

  health(): { status: "healthy" | "degraded"; checks: Record<string, unknown> } {
    const { lastReport, refused } = this.measurements;
    const isSilent = this.#clock.now() - (lastReport ?? this.#since) > SILENCE_MS;
    const left = refused.reports + refused.parts + refused.late;
    const undoing = [...this.tuner.waitingToUndo, ...this.queries.waitingToUndo];
    const tried = this.#tried;
    const checks = {
      reports: isSilent ? "none arrive" : "ok",
      refused:
        left === 0 && refused.room === 0 ? "none" : `${left} impossible or late, ${refused.room} for want of room`,
      analysis: this.analyst.failure ?? "ok",
      store: this.storeFailure ?? "ok",
      tuning: tried.length === 0 ? "nothing is being tried" : `being tried on ${tried.join(", ")}`,
      undoing: undoing.length === 0 ? "none" : `not taken back yet: ${undoing.join("; ")}`,
    };
    const well = !isSilent && !this.analyst.failure && !this.storeFailure && undoing.length === 0;
    return { status: well ? "healthy" : "degraded", checks };
  }

  /** Services on which something is being tried. */
  get #tried(): string[] {
    return [...this.tuner.busy, ...this.queries.busy];
  }

  async #second(): Promise<void> {
    await this.tuner.tick();
    await this.queries.tick();
  }

  async #minute(): Promise<void> {
    this.measurements.tidy();
    await this.#store();
    if (this.#clock.now() - this.#advisedAt > ADVICE_MS) await this.advice().catch(() => {});
    await this.#analyze(this.#measured());
    this.#regressions.tell([...this.#analyses.values()].map(({ analysis }) => analysis));
  }

  async #store(): Promise<void> {
    try {
      const { services } = this.metrics();
      await this.#minutes.put({
        at: new Date(this.#wall()),
        services,
        caches: this.measurements.caches(),
        pools: this.pools(),
      });
      this.storeFailure = undefined;
    } catch (error) {
      this.storeFailure = (error as Error).message;
    }
  }

  #measured(): string[] {
    return this.measurements.services
      .keys()
      .filter((name) => !name.startsWith("$"))
      .sort();
  }

  async #analyze(services: string[]): Promise<ServiceAnalysis[]> {
    const declarations = declarationsOf(this.#options.broker);
    const all: ServiceAnalysis[] = [];
    for (const some of inTurns(services)) {
      const now = this.#clock.now();
      const facts = factsOf(some, {
        measurements: this.measurements,
        now,
        wall: this.#wall(),
        declarations,
        loopDelays: this.#loopDelays,
        adviceFor: (name) => this.#adviceFor(name),
      });
      const analyses = await this.analyst.analyze(facts);
      for (const analysis of analyses) this.#analyses.set(analysis.service, { analysis, at: now });
      all.push(...analyses);
    }
    for (const name of this.#analyses.keys()) if (!this.measurements.services.has(name)) this.#analyses.delete(name);
    return all;
  }

  /** Advice on a service's queries, if none is known that is recent; not waited for any longer than a moment. */
  async #recentAdvice(service: string): Promise<void> {
    if (this.#clock.now() - this.#advisedAt < ADVICE_MS) return;
    await Promise.race([this.advice(service).catch(() => {}), sleep(this.#clock, MOMENT_MS)]);
  }

  #adviceFor(name: string): AdviceFacts[] {
    return this.#advice
      .filter(({ service }) => service === name)
      .map(({ id, kind, what, evidence, expectedGain }) => ({
        kind,
        what: `${what}: azora optimizer apply ${id}`,
        why: Array.isArray(evidence) ? evidence.join("; ") : String(evidence),
        gain: expectedGain,
        of: "database",
      }));
  }

  /** It waits while something is tried on its node. */
  async #poolStep(step: PoolStep): Promise<void> {
    const busy = this.#tried.filter((service) => carriers(this.#options.broker).get(service)?.includes(step.node));
    if (busy.length > 0) throw new Error(`${IS_TRIED} on ${busy.join(", ")}`);
    await this.#changes.poolBegun(step);
  }

  #poolDone(step: PoolStep, outcome: { after: number } | { error: Error }): void {
    if ("error" in outcome && outcome.error.message.startsWith(IS_TRIED)) return;
    this.#changes.poolDone(step, outcome);
  }

  #mustExist(service: string): void {
    if (this.measurements.services.has(service)) return;
    const known = this.#options.broker.registry.services.list({}) as { fullName: string }[];
    const names = known.map(({ fullName }) => fullName).filter((name) => !name.startsWith("$"));
    if (names.includes(service)) return;
    const meant = nearest(service, [...this.measurements.services.keys(), ...names]);
    throw new AzoraError(
      "SERVICE_UNKNOWN",
      `No service is named ${service}${meant ? `; did you mean ${meant}?` : ""}`,
      {
        name: service,
        nearest: meant,
      },
    );
  }

  /** Again `ms` after the last time has ended: what takes long does not pile up. */
  #every(ms: number, work: () => Promise<void>): void {
    let cancel = () => {};
    const again = () => {
      if (this.#isStopped) return;
      cancel = this.#clock.after(ms, () => {
        work()
          .catch((error: Error) => this.#warn(error))
          .finally(again);
      });
    };
    again();
    this.#cancel.push(() => cancel());
  }

  #warn(error: Error): void {
    if (!this.#isStopped) this.#options.logger.warn(error.message);
  }
}

/** Nodes that carry each service now. */
function carriers(broker: ServiceBroker): Map<string, string[]> {
  const listed = broker.registry.services.list({ onlyAvailable: true }) as { fullName: string; nodeID: string }[];
  const nodes = new Map<string, string[]>();
  for (const { fullName, nodeID } of listed) nodes.set(fullName, [...(nodes.get(fullName) ?? []), nodeID]);
  return nodes;
}
