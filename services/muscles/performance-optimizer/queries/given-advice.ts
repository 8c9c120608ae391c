import type { FieldStatistics, IndexWish, PlanFacts, ServiceQueries } from "../../../../models/query-facts.ts";
import { type Clock, systemClock } from "../../../../runtime/clock.ts";
import { AzoraError } from "../../../../runtime/errors.ts";
import type { Advice } from "./advice.ts";
import { type AdvisorOptions, advise, type Oracle } from "./advisor.ts";
import { mergeFacts } from "./facts.ts";
import type { QueryNodes } from "./query-nodes.ts";

/** An advice and what it was given on. */
export interface Given {
  advice: Advice;
  facts: ServiceQueries;
  at: number;
}

/** What all nodes tell of one service, and which of them carry it. */
export interface Carried {
  facts: ServiceQueries;
  carriers: string[];
}

/** Advice older than this is given anew before it is followed, ms; samples of the documents are kept as long. */
const FRESH = 300_000;
/** Advice and samples that are remembered. */
const MAX_GIVEN = 1000;

/** Gives advice on the queries of all services, and remembers what it gave. */
export class GivenAdvice {
  readonly #nodes: QueryNodes;
  readonly #options: AdvisorOptions;
  readonly #clock: Clock;
  readonly #given = new Map<string, Given>();
  readonly #samples = new Map<string, { statistics: FieldStatistics; at: number }>();

  constructor(nodes: QueryNodes, options: AdvisorOptions, clock: Clock = systemClock) {
    this.#nodes = nodes;
    this.#options = options;
    this.#clock = clock;
  }

  /**
   * All advice, best first. A service that cannot be asked just now is left out where all are asked.
   * @throws AzoraError SERVICE_UNKNOWN
   */
  async give(service?: string): Promise<Advice[]> {
    const all: Advice[] = [];
    for (const { facts, carriers } of (await this.carried(service)).values()) {
      try {
        all.push(...(await this.#giveOne(facts, carriers[0]!)));
      } catch (error) {
        if (service !== undefined) throw error;
      }
    }
    while (this.#given.size > MAX_GIVEN) this.#given.delete(this.#given.keys().next().value!);
    return all.sort((a, b) => b.expectedGain - a.expectedGain);
  }

  async #giveOne(facts: ServiceQueries, node: string): Promise<Advice[]> {
    const found = await advise(facts, this.#oracle(facts.service, node), this.#options);
    for (const advice of found) this.#given.set(advice.id, { advice, facts, at: this.#clock.now() });
    return found;
  }

  /** @throws AzoraError NOT_FOUND */
  async fresh(id: string): Promise<Given> {
    const given = this.#given.get(id);
    if (given && this.#clock.now() - given.at > FRESH) {
      this.#given.delete(id);
      await this.give(given.advice.service);
    } else if (!given) {
      await this.give();
    }
    const now = this.#given.get(id);
    if (now) return now;
    throw new AzoraError("NOT_FOUND", `There is no advice ${id}: what it was given for may have changed since`, { id });
  }

  forget(id: string): void {
    this.#given.delete(id);
  }

  async carried(service?: string): Promise<Map<string, Carried>> {
    const reports = Map.groupBy(await this.#nodes.facts(service), (each) => each.service);
    return new Map(
      [...reports].map(([name, each]) => [name, { facts: mergeFacts(each)!, carriers: each.map(({ node }) => node) }]),
    );
  }

  #oracle(service: string, node: string): Oracle {
    return {
      whatIf: (add, drop, rewrite) =>
        this.#nodes.call<Record<string, PlanFacts>>(node, "explainQueries", { service, add, drop, rewrite }),
      statistics: async (wish: IndexWish) => {
        const key = JSON.stringify([service, wish]);
        const known = this.#samples.get(key);
        if (known && this.#clock.now() - known.at < FRESH) return known.statistics;
        const statistics = await this.#nodes.call<FieldStatistics>(node, "queryStatistics", { service, ...wish });
        if (this.#samples.size >= MAX_GIVEN) this.#samples.clear();
        this.#samples.set(key, { statistics, at: this.#clock.now() });
        return statistics;
      },
    };
  }
}
