import type { ServiceBroker } from "moleculer";
import type { ServiceAnalysis } from "../../../../models/performance-views.ts";

const MOST_TOLD = 1000;

/** Tells of each regression once, by the event `performance.regression`. */
export class RegressionNews {
  readonly #broker: ServiceBroker;
  readonly #told = new Set<string>();

  constructor(broker: ServiceBroker) {
    this.#broker = broker;
  }

  tell(analyses: Iterable<ServiceAnalysis>): void {
    for (const analysis of analyses) {
      for (const regression of analysis.regressions) {
        // The moment is found anew each minute, and may move by some.
        const hour = regression.at.slice(0, 13);
        const key = `${analysis.service} ${regression.metric} ${hour}`;
        if (this.#told.has(key)) continue;
        if (this.#told.size >= MOST_TOLD) this.#told.delete(this.#told.values().next().value!);
        this.#told.add(key);
        void this.#broker.emit("performance.regression", { service: analysis.service, ...regression });
      }
    }
  }
}
