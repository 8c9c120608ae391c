import { METRICS, type Metric, type System } from "../../../../models/metrics.ts";
import { BUCKETS, bucketValue } from "../../../../runtime/vitals/histogram.ts";
import type { NodePerformanceState } from "./node-performance-state.ts";
import type { NodeVitalsState } from "./node-vitals-state.ts";

/** Of one system now. NaN is unknown; a metric that is not here does not apply. */
export interface Figures {
  values: Partial<Record<Metric, number>>;
  /** Share of the nodes that tell it, 0 to 1, and age of the oldest of what they told, ms. */
  known: Record<Source, number>;
  age: Record<Source, number>;
}
type Source = "vitals" | "performance" | "services";

/** From this share of refused calls on all places are taken to be full, %. */
const FULL_AT = 20;
/** Calls that are added in thought, so that one refusal in a quiet time is not all of them. */
const UNREFUSED = 5;

/** Adds up what the nodes of one system say. Made once, and used every second. */
export class SystemFigures {
  readonly system: System;
  readonly #latency = new Float64Array(BUCKETS);
  readonly #sums = { calls: 0, rate: 0, faults: 0, counts: this.#latency };
  readonly #services = new Map<string, { queued: number; limit: number; limited: number }>();
  #nodes = { all: 0, vitals: 0, performance: 0 };
  #age = { vitals: 0, performance: 0 };
  #cpu = { sum: 0, count: 0 };
  #load = { sum: 0, count: 0, worst: 0 };
  #memory = Number.NaN;
  #delay = Number.NaN;
  #running = 0;
  #waiting = 0;
  #served = 0;
  #refused = 0;

  constructor(system: System) {
    this.system = system;
  }

  begin(): void {
    this.#nodes = { all: 0, vitals: 0, performance: 0 };
    this.#age = { vitals: 0, performance: 0 };
    this.#cpu = { sum: 0, count: 0 };
    this.#load = { sum: 0, count: 0, worst: 0 };
    this.#memory = Number.NaN;
    this.#delay = Number.NaN;
    this.#running = 0;
    this.#waiting = 0;
    this.#served = 0;
    this.#refused = 0;
    this.#services.clear();
    if (this.#sums.calls > 0) this.#latency.fill(0);
    Object.assign(this.#sums, { calls: 0, rate: 0, faults: 0 });
  }

  /** A node that is expected to tell something. */
  expect(): void {
    this.#nodes.all++;
  }

  /** Nodes that are expected to tell something. */
  get expected(): number {
    return this.#nodes.all;
  }

  addVitals(vitals: NodeVitalsState, age: number): void {
    this.#nodes.vitals++;
    this.#age.vitals = Math.max(this.#age.vitals, age);
    const { cpu, memory, delay, load } = vitals;
    if (!Number.isNaN(cpu)) {
      this.#cpu.sum += Math.min(100, cpu);
      this.#cpu.count++;
    }
    if (!Number.isNaN(load)) {
      this.#load.sum += load;
      this.#load.count++;
      this.#load.worst = Math.max(this.#load.worst, load);
    }
    if (!(this.#memory >= memory) && !Number.isNaN(memory)) this.#memory = memory;
    if (!(this.#delay >= delay) && !Number.isNaN(delay)) this.#delay = delay;
  }

  /** Calls that ended on a node, which may be one of another system. */
  addCalls(vitals: NodeVitalsState): void {
    vitals.calls.get(this.system)?.addTo(this.#sums);
  }

  addPerformance(age: number): void {
    this.#nodes.performance++;
    this.#age.performance = Math.max(this.#age.performance, age);
  }

  addPlaces({ service, running, waiting, limit, limited, queued }: NodePerformanceState["places"][number]): void {
    this.#running += running;
    this.#waiting += waiting;
    let places = this.#services.get(service);
    if (!places) {
      places = { queued: 0, limit: 0, limited: 0 };
      this.#services.set(service, places);
    }
    places.queued += queued;
    places.limit += limit;
    places.limited += limited;
  }

  addServed(calls: number, refused: number): void {
    this.#served += calls;
    this.#refused += refused;
  }

  end(): Figures {
    const { all, vitals, performance } = this.#nodes;
    const hasVitals = vitals > 0;
    const hasPerformance = performance > 0;
    const refusalRate = (100 * this.#refused) / (this.#served + this.#refused + UNREFUSED);
    // Who is refused has found no place, whatever is seen of the places at the moments of the reports: the more are
    // refused, the emptier the queue is.
    const saturation = Math.max(this.#placesTaken(), Math.min(100, (100 * refusalRate) / FULL_AT));
    const nodes = this.#load.count > 0 ? (this.#load.sum / this.#load.count + this.#load.worst) / 2 : Number.NaN;
    const { calls, rate, faults } = this.#sums;
    const values: Figures["values"] = {
      load: Number.isNaN(nodes) ? nodes : Math.max(nodes, hasPerformance ? saturation : 0),
      cpu: this.#cpu.count > 0 ? this.#cpu.sum / this.#cpu.count : Number.NaN,
      memoryUsage: this.#memory,
      eventLoopDelay: this.#delay,
      requestRate: hasVitals ? Math.min(METRICS.requestRate.max, rate) : Number.NaN,
      errorRate: hasVitals ? (calls > 0 ? (100 * faults) / calls : 0) : Number.NaN,
      queueDepth: hasPerformance ? Math.min(METRICS.queueDepth.max, this.#waiting) : Number.NaN,
      concurrency: hasPerformance ? Math.min(METRICS.concurrency.max, this.#running) : Number.NaN,
      saturation: hasPerformance ? saturation : Number.NaN,
      refusalRate: hasPerformance ? refusalRate : Number.NaN,
    };
    // Where nobody calls there is no latency; where nothing is heard it is not known.
    const timed = calls > 0 ? this.#latency.reduce((sum, count) => sum + count, 0) : 0;
    if (timed > 0) [values.latencyP50, values.latencyP95] = this.#quantiles(timed);
    else if (!hasVitals) [values.latencyP50, values.latencyP95] = [Number.NaN, Number.NaN];
    return {
      values,
      known: { vitals: all > 0 ? vitals / all : 0, performance: all > 0 ? performance / all : 0, services: 0 },
      age: { ...this.#age, services: 0 },
    };
  }

  /**
   * Of the service that has the fewest left, %. A call does not stand in its own way: with one place and one call that runs,
   * nobody waits.
   */
  #placesTaken(): number {
    let taken = 0;
    for (const { queued, limit, limited } of this.#services.values())
      if (limit > 0) taken = Math.max(taken, (limited + Math.min(1, queued) - 1) / limit);
    return 100 * Math.min(1, taken);
  }

  /** Median and 95th percentile, ms. */
  #quantiles(calls: number): [number, number] {
    const [half, most] = [Math.max(1, Math.ceil(0.5 * calls)), Math.max(1, Math.ceil(0.95 * calls))];
    let [seen, median] = [0, Number.NaN];
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#latency[bucket]!;
      if (seen >= half && Number.isNaN(median)) median = bucketValue(bucket) / 1000;
      if (seen >= most) return [median, bucketValue(bucket) / 1000];
    }
    return [median, median];
  }
}
