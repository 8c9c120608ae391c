import { Histogram } from "../../../runtime/vitals/histogram.ts";
import type { VitalsReport } from "../../../runtime/vitals/node-vitals.ts";

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

/** A node that has not reported for so long is no longer shown, ms. */
const FORGET_NODE_MS = 15_000;

/** Adds up the vitals that the nodes report. Increments of one life of a node are counted once, in any order of arrival. */
export class VitalsStore {
  readonly #nodes = new Map<string, { report: VitalsReport; seen: number }>();
  readonly #actions = new Map<string, ActionSeries>();

  take(report: VitalsReport, now = Date.now()): void {
    const known = this.#nodes.get(report.node)?.report;
    if (known?.instanceId === report.instanceId && known.seq >= report.seq) return;
    this.#nodes.set(report.node, { report, seen: now });
    for (const { name, service, errors, inFlight, sum, buckets } of report.actions) {
      const key = `${report.node}\n${name}`;
      let series = this.#actions.get(key);
      if (!series) {
        series = { service, node: report.node, action: name, errors: 0, inFlight: 0, latency: new Histogram() };
        this.#actions.set(key, series);
      }
      series.errors += errors;
      series.inFlight = inFlight;
      series.latency.add(buckets, sum);
    }
  }

  nodes(now = Date.now()): NodeSeries[] {
    return [...this.#nodes.values()]
      .filter(({ seen }) => now - seen < FORGET_NODE_MS)
      .map(({ report: { actions: _actions, ...report } }) => ({ node: report.node, report }));
  }

  actions(): ActionSeries[] {
    return [...this.#actions.values()];
  }

  /** All actions of a service on all nodes as one. */
  ofService(name: string): { count: number; errors: number; inFlight: number; latency: Histogram } {
    const total = { count: 0, errors: 0, inFlight: 0, latency: new Histogram() };
    for (const series of this.#actions.values()) {
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
}
