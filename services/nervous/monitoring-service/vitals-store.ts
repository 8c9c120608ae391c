import type { BreakerState } from "../../../models/healing.ts";
import { Histogram } from "../../../runtime/vitals/histogram.ts";
import type { VitalsReport } from "../../../runtime/vitals/node-vitals.ts";
import { Lives } from "./lives.ts";

/** What is known of one action, over all nodes or on one. */
export interface ActionSeries {
  service: string;
  node: string;
  action: string;
  errors: number;
  inFlight: number;
  latency: Histogram;
}

export interface NodeSeries {
  node: string;
  report: Omit<VitalsReport, "actions">;
}

/** What the callers on one node have met, since this store began. */
export interface CallerSeries {
  node: string;
  retries: number;
  refusedHolds: number;
  logLinesLost: number;
  /** Calls without an answer, by the service that was called. */
  lost: Map<string, number>;
}

/** A node that has not reported for so long is no longer shown, ms. */
const FORGET_NODE_MS = 15_000;
/** Adds up the vitals that the nodes report. Increments of one life of a node are counted once, in any order of arrival. */
export class VitalsStore {
  readonly #nodes = new Map<string, { report: VitalsReport; seen: number }>();
  readonly #lives = new Lives();
  readonly #actions = new Map<string, ActionSeries>();
  readonly #callers = new Map<string, CallerSeries>();

  take(report: VitalsReport, now = Date.now()): void {
    const arrival = this.#lives.arrival(report);
    if (!arrival) return;
    const { isNewest, isReborn } = arrival;
    if (isReborn) for (const series of this.#actions.values()) if (series.node === report.node) series.inFlight = 0;
    if (isNewest) this.#nodes.set(report.node, { report, seen: now });
    this.#addCalls(report);
    for (const { name, service, errors, inFlight, sum, buckets } of report.actions) {
      const key = `${report.node}\n${name}`;
      let series = this.#actions.get(key);
      if (!series) {
        series = { service, node: report.node, action: name, errors: 0, inFlight: 0, latency: new Histogram() };
        this.#actions.set(key, series);
      }
      series.errors += errors;
      if (isNewest) series.inFlight = inFlight;
      series.latency.add(buckets, sum);
    }
  }

  nodes(now = Date.now()): NodeSeries[] {
    return [...this.#nodes.values()]
      .filter(({ seen }) => now - seen < FORGET_NODE_MS)
      .map(({ report: { actions: _actions, ...report } }) => ({ node: report.node, report }));
  }

  actions(now = Date.now()): ActionSeries[] {
    const reporting = new Set(this.nodes(now).map(({ node }) => node));
    return [...this.#actions.values()].map((series) =>
      series.inFlight === 0 || reporting.has(series.node) ? series : { ...series, inFlight: 0 },
    );
  }

  callers(): CallerSeries[] {
    return [...this.#callers.values()];
  }

  /** The circuit breakers that are not closed, with the node whose callers they hold back. */
  breakers(now = Date.now()): (BreakerState & { on: string })[] {
    return this.nodes(now).flatMap(({ node, report }) =>
      (report.breakers ?? []).map((state) => ({ ...state, on: node })),
    );
  }

  /** Calls of a service, made anywhere, that ended without its answer. */
  lostOf(service: string): number {
    return this.callers().reduce((sum, { lost }) => sum + (lost.get(service) ?? 0), 0);
  }

  /** All actions of a service on all nodes as one. */
  ofService(name: string, now = Date.now()): { count: number; errors: number; inFlight: number; latency: Histogram } {
    const total = { count: 0, errors: 0, inFlight: 0, latency: new Histogram() };
    for (const series of this.actions(now)) {
      // Being asked for one's health is no work.
      if (series.service !== name || series.action === `${name}.health`) continue;
      total.count += series.latency.count;
      total.errors += series.errors;
      total.inFlight += series.inFlight;
      total.latency.sum += series.latency.sum;
      total.latency.count += series.latency.count;
      for (let i = 0; i < series.latency.counts.length; i++) total.latency.counts[i]! += series.latency.counts[i];
    }
    return total;
  }

  /** A node that runs older code until it is restarted tells nothing of its calls. */
  #addCalls({ node, lost = [], calls, logLinesLost = 0 }: VitalsReport): void {
    let series = this.#callers.get(node);
    if (!series) {
      series = { node, retries: 0, refusedHolds: 0, logLinesLost: 0, lost: new Map() };
      this.#callers.set(node, series);
    }
    series.retries += calls?.retries ?? 0;
    series.refusedHolds += calls?.refusedHolds ?? 0;
    series.logLinesLost += logLinesLost;
    for (const { service, count } of lost) series.lost.set(service, (series.lost.get(service) ?? 0) + count);
  }
}
