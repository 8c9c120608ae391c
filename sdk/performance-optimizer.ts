import type { OptimizationRecord } from "../models/performance.ts";
import type { PerformanceMetrics, PoolStatus, ServicePerformance } from "../models/performance-views.ts";
import { type LinkOptions, OrganismError, OrganismLink } from "./organism-link.ts";

export type PerformanceOptimizerOptions = LinkOptions;
export type { OptimizationRecord, PerformanceMetrics, PoolStatus, ServicePerformance };

/** What was refused, or could not be asked. `code` is one of the codes of docs/errors.md. */
export class PerformanceOptimizerError extends OrganismError {}

export interface ForceOptimizationOptions {
  /**
   * Answers when each change has its verdict, not already when it is applied and its measuring has begun.
   * @default false
   */
  wait?: boolean;
}

const SERVICE = "performance-optimizer";
const MOUNT = "/api/performance";
const METRICS_MS = 30_000;
const APPLY_MS = 2 * 60_000;
/** A verdict needs calls to look at, and is given after 25 minutes at the latest. */
const VERDICT_MS = 26 * 60_000;
const ASK_EVERY_MS = 1000;
const MOST_RECORDS = 1000;

/** Measures an organism and makes its services faster, from another program. */
export class AzoraPerformanceOptimizer {
  readonly #link: OrganismLink;

  constructor(options: PerformanceOptimizerOptions = {}) {
    this.#link = new OrganismLink(SERVICE, options, PerformanceOptimizerError);
  }

  /**
   * Finds the organism.
   * @throws PerformanceOptimizerError SERVICE_UNAVAILABLE where it does not answer
   */
  initialize(): Promise<void> {
    return this.#link.find();
  }

  /**
   * Throughput, latency and errors of the last minute, and where the time goes: own work, waiting for whom, queueing,
   * database, garbage collection.
   * @param service only this one. @default all
   * @throws PerformanceOptimizerError VALIDATION_ERROR, SERVICE_UNKNOWN
   */
  async getPerformanceMetrics(service?: string): Promise<PerformanceMetrics> {
    if (service !== undefined) checkService(service);
    const query = service === undefined ? "" : `?service=${encodeURIComponent(service)}`;
    return this.#link.ask({
      action: `${SERVICE}.metrics`,
      params: service === undefined ? {} : { service },
      path: `${MOUNT}/metrics${query}`,
      timeout: METRICS_MS,
    });
  }

  /** Connections, worker threads, concurrency and memory of every node: bounds, use, waiting. */
  getResourcePoolStatus(): Promise<PoolStatus[]> {
    return this.#link.ask({ action: `${SERVICE}.pools`, path: `${MOUNT}/pools` });
  }

  /**
   * Applies what is safe and promises most for one service, compares before and after on live traffic, and takes back what
   * did not help. Nothing to do is no error: the list is empty.
   * @throws PerformanceOptimizerError VALIDATION_ERROR, SERVICE_UNKNOWN, UNAUTHORIZED …
   */
  async forceOptimization(service: string, options: ForceOptimizationOptions = {}): Promise<OptimizationRecord[]> {
    checkService(service);
    const { wait = false } = options;
    if (typeof wait !== "boolean") throw invalid("wait", wait, "true or false");
    const begun = await this.#link.ask<OptimizationRecord[]>({
      action: `${SERVICE}.optimize`,
      params: { service, wait: false },
      method: "POST",
      path: `${MOUNT}/optimize/${encodeURIComponent(service)}`,
      body: { wait: false },
      timeout: APPLY_MS,
    });
    return wait ? this.#judged(begun) : begun;
  }

  /** Asks again and again: no connection stays open for as long as a verdict may take. */
  async #judged(begun: OptimizationRecord[]): Promise<OptimizationRecord[]> {
    const end = performance.now() + VERDICT_MS;
    let known = begun;
    while (known.some(({ status }) => status === "measuring") && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
      const history = new Map((await this.getOptimizationHistory(MOST_RECORDS)).map((record) => [record.id, record]));
      known = known.map((record) => history.get(record.id) ?? record);
    }
    return known;
  }

  /** What was changed, newest first, each with before, after and how sure that is. @param limit 1 to 1000 */
  async getOptimizationHistory(limit = 100): Promise<OptimizationRecord[]> {
    if (!Number.isInteger(limit) || limit < 1 || limit > MOST_RECORDS)
      throw invalid("limit", limit, `a whole number from 1 to ${MOST_RECORDS}`);
    return this.#link.ask({
      action: `${SERVICE}.history`,
      params: { limit },
      path: `${MOUNT}/history?limit=${limit}`,
      timeout: METRICS_MS,
    });
  }

  /** Waits for nothing any longer. A broker that was given goes on. */
  async shutdown(): Promise<void> {
    this.#link.end();
  }
}

const LONGEST_NAME = 200;

function checkService(service: unknown): void {
  if (typeof service !== "string" || service === "" || service.length > LONGEST_NAME)
    throw invalid("service", service, `the name of a service, 1 to ${LONGEST_NAME} characters`);
}

function invalid(field: string, value: unknown, allowed: string): PerformanceOptimizerError {
  const shown = JSON.stringify(value)?.slice(0, 100) ?? String(value);
  const message = `${field} is ${shown}, but must be ${allowed}`;
  return new PerformanceOptimizerError("VALIDATION_ERROR", message, 422, [{ field, value, allowed }]);
}
