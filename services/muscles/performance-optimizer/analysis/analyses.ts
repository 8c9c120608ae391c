import type { ServiceBroker } from "moleculer";
import type { ServiceAnalysis, Trend } from "../../../../models/performance-views.ts";
import type { Clock } from "../../../../runtime/clock.ts";
import type { Measurements } from "../measurements/measurements.ts";
import type { Analyst } from "./analyst.ts";
import { declarationsOf, type FactsSources, factsOf, inTurns } from "./facts-of.ts";

export interface AnalysesOptions extends Pick<FactsSources, "loopDelayOf" | "adviceFor"> {
  broker: ServiceBroker;
  measurements: Measurements;
  analyst: Pick<Analyst, "analyze">;
  /** Monotonic. */
  clock: Clock;
  /** ms since the epoch. */
  wall: () => number;
}

/** An analysis that is younger is given as it is, ms. */
const FRESH_MS = 60_000;

/** The newest analysis of each service. */
export class Analyses {
  readonly #options: AnalysesOptions;
  readonly #newest = new Map<string, { analysis: ServiceAnalysis; at: number }>();

  constructor(options: AnalysesOptions) {
    this.#options = options;
  }

  trendOf(service: string): Trend {
    return this.#newest.get(service)?.analysis.trend ?? "steady";
  }

  list(): ServiceAnalysis[] {
    return Array.from(this.#newest.values(), ({ analysis }) => analysis);
  }

  /** All services, those anew that were analysed longer ago than a minute. */
  async all(): Promise<ServiceAnalysis[]> {
    const now = this.#options.clock.now();
    const names = this.#measured();
    await this.analyze(
      names.filter((name) => now - (this.#newest.get(name)?.at ?? Number.NEGATIVE_INFINITY) > FRESH_MS),
    );
    return names.flatMap((name) => this.#newest.get(name)?.analysis ?? []);
  }

  /** @param services anew; every one that was measured where it is left out */
  async analyze(services: readonly string[] = this.#measured()): Promise<ServiceAnalysis[]> {
    const { broker, measurements, analyst, clock, wall, loopDelayOf, adviceFor } = this.#options;
    const declarations = declarationsOf(broker);
    const all: ServiceAnalysis[] = [];
    for (const some of inTurns(services)) {
      const now = clock.now();
      const facts = factsOf(some, { measurements, now, wall: wall(), declarations, loopDelayOf, adviceFor });
      const analyses = await analyst.analyze(facts);
      for (const analysis of analyses) this.#newest.set(analysis.service, { analysis, at: now });
      all.push(...analyses);
    }
    for (const name of this.#newest.keys()) if (!measurements.services.has(name)) this.#newest.delete(name);
    return all;
  }

  #measured(): string[] {
    return this.#options.measurements.services
      .keys()
      .filter((name) => !name.startsWith("$"))
      .sort();
  }
}
