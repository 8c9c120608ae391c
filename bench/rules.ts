/**
 * The rule evaluator beside json-rules-engine and @gorules/zen-engine: the same rules, the same facts, and each time the same
 * rules have to hold. zen-engine is no dependency: `ZEN_ENGINE=<path of its main file>` brings it in.
 */

import { METRICS, type Metric, SYSTEMS } from "../models/metrics.ts";
import type { CompleteRule } from "../models/rules.ts";
import { checkRules } from "../runtime/rules/check-rules.ts";
import { Columns } from "../runtime/rules/columns.ts";
import { RuleEvaluator } from "../runtime/rules/rule-evaluator.ts";
import { jsonRulesEngine, type RulePeer, zenEngine } from "../test/support/rule-peers.ts";
import { add, goal, medians, p99s, type Result } from "./report.ts";

const AZORA = "azora";
const JSON_RULES = "json-rules-engine";
const ZEN = "zen-engine";
const COLUMNS = SYSTEMS.flatMap((system) => (Object.keys(METRICS) as Metric[]).map((metric) => ({ system, metric })));
/** Metrics from 0 to 100, so that random bounds are passed often. */
const PERCENT = COLUMNS.filter(({ metric }) => METRICS[metric].max === 100);
const OPERATORS = ["greaterThan", "lessThan", "greaterOrEqual", "lessOrEqual"];
const COMPARED_EACH_ROUND = 20;
const ALONE_EACH_ROUND = 3000;

type Facts = Record<string, number>;

export async function rules(rounds = 5): Promise<Result[]> {
  return [await full(rounds, "vitals"), await full(rounds, "jumps"), changes(rounds), firing(rounds)];
}

/**
 * Every metric is another one each time, and all say which rules hold. `vitals`: it moves by up to 5 of 100, as it does from
 * one second to the next; `jumps`: it may be anything, so that every fourth rule turns each time. To the others it is all one.
 */
async function full(rounds: number, facts: "vitals" | "jumps"): Promise<Result> {
  const random = randomNumbers(1);
  let last = randomFacts(random);
  const next = () => {
    last = facts === "jumps" ? randomFacts(random) : moved(last, random);
    return last;
  };
  const list = randomRules(1000, random);
  const azora = new Azora(list);
  azora.take(last);
  const peers: [string, RulePeer][] = [[JSON_RULES, jsonRulesEngine(list)]];
  const path = process.env["ZEN_ENGINE"];
  if (path) peers.push([ZEN, zenEngine(list, path)]);
  const runs: Record<string, number[]> = {};
  let differences = 0;
  let compared = 0;
  for (let i = 0; i < ALONE_EACH_ROUND; i++) azora.take(next());
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < ALONE_EACH_ROUND; i++) add(runs, AZORA, azora.take(next()));
    for (let i = 0; i < COMPARED_EACH_ROUND; i++) {
      const facts = next();
      azora.take(facts);
      const holding = azora.holding();
      for (const [name, peer] of peers) {
        const start = process.hrtime.bigint();
        const theirs = await peer.holding(facts);
        add(runs, name, since(start));
        differences += list.filter(({ id }) => holding.has(id) !== theirs.has(id)).length;
        compared += list.length;
      }
    }
  }
  const middle = medians(runs);
  const p99 = p99s(runs);
  const times = middle[JSON_RULES]! / middle[AZORA]!;
  return {
    name: `rules-full-${facts}`,
    measures: `1,000 rules of two conditions over 91 metrics that all ${facts === "jumps" ? "jump" : "move a little"}: from the values to what holds and fires`,
    unit: "us",
    runs: thinned(runs),
    medians: middle,
    p99,
    goals: [
      goal("p99 is 100 us or less", p99[AZORA]!, p99[AZORA]! <= 100),
      ...(facts === "vitals" ? [goal("times json-rules-engine, at least 1,000", times, times >= 1000)] : []),
      goal(`rules of ${compared} compared that hold here and not there`, differences, differences === 0),
    ],
    notes: [
      `times json-rules-engine: ${Math.round(times)}`,
      path ? `times zen-engine: ${Math.round(middle[ZEN]! / middle[AZORA]!)}` : "without zen-engine",
    ],
  };
}

/** Of 91 metrics 5 jump each time. */
function changes(rounds: number): Result {
  const random = randomNumbers(2);
  const azora = new Azora(randomRules(10_000, random));
  const runs: Record<string, number[]> = {};
  for (let round = -1; round < rounds; round++) {
    for (let i = 0; i < ALONE_EACH_ROUND; i++) {
      const time = azora.take(randomFacts(random, 5));
      if (round >= 0) add(runs, AZORA, time);
    }
  }
  const p99 = p99s(runs);
  return {
    name: "rules-change",
    measures: "10,000 rules of two conditions, 5 of 91 metrics jump",
    unit: "us",
    runs: thinned(runs),
    medians: medians(runs),
    p99,
    goals: [goal("p99 is 100 us or less", p99[AZORA]!, p99[AZORA]! <= 100)],
  };
}

/** What it costs to say why, which is done for each firing. */
function firing(rounds: number): Result {
  const random = randomNumbers(3);
  const azora = new Azora(randomRules(1000, random), 1000);
  const runs: Record<string, number[]> = {};
  for (let round = -1; round < rounds; round++) {
    for (let i = 0; i < 200; i++) {
      const time = azora.take(randomFacts(random), 1000);
      if (round >= 0) add(runs, AZORA, time / Math.max(1, azora.fired));
    }
  }
  return {
    name: "rules-firing",
    measures:
      "1,000 rules of two conditions whose cooldown is over at each tick: time for each that fires, with its why",
    unit: "us",
    runs: thinned(runs),
    medians: medians(runs),
    p99: p99s(runs),
    goals: [],
  };
}

class Azora {
  fired = 0;
  readonly #columns = new Columns();
  readonly #evaluator = new RuleEvaluator({ columns: this.#columns, wall: () => Date.now() });
  readonly #numbers: Map<string, number>;
  #now = 0;

  /** @param cooldown ms; firings are measured apart, so that by itself nothing fires twice */
  constructor(list: readonly CompleteRule[], cooldown = 24 * 3_600_000) {
    this.#numbers = new Map(COLUMNS.map((at) => [keyOf(at), this.#columns.column(at.system, at.metric)!]));
    this.#evaluator.load(
      list.map((rule) => ({ ...rule, cooldown })),
      0,
    );
  }

  /** us from the values to the end of the tick. */
  take(facts: Facts, ms = 1): number {
    this.#now += ms;
    const values = Object.entries(facts).map(([key, value]) => [this.#numbers.get(key)!, value] as const);
    const start = process.hrtime.bigint();
    for (const [column, value] of values) this.#columns.set(column, value, this.#now);
    this.fired = this.#evaluator.tick(this.#now).fired.length;
    return since(start);
  }

  holding(): Set<string> {
    return new Set(this.#evaluator.active());
  }
}

function randomRules(count: number, random: () => number): CompleteRule[] {
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)]!;
  const comparison = () => ({ ...pick(PERCENT), operator: pick(OPERATORS), value: Math.round(random() * 100) });
  const actions = [{ type: "alert", target: "organism" }];
  const list: CompleteRule[] = [];
  // Some could never hold, and are refused: there are others instead.
  while (list.length < count)
    list.push(...checkRules({ id: `rule-${list.length}`, conditions: [comparison(), comparison()], actions }).rules);
  return list;
}

function randomFacts(random: () => number, count = COLUMNS.length): Facts {
  const first = count === COLUMNS.length ? 0 : Math.floor(random() * COLUMNS.length);
  // 37 and 91 have no common divisor, so that these are as many different metrics as are wanted, all over the organism.
  const changed = Array.from({ length: count }, (_, i) => COLUMNS[(first + 37 * i) % COLUMNS.length]!);
  return Object.fromEntries(changed.map((at) => [keyOf(at), Math.round(random() * 100)]));
}

function moved(facts: Facts, random: () => number): Facts {
  const step = () => (random() < 0.5 ? -1 : 1) * (0.1 + random() * 4.9);
  return Object.fromEntries(
    Object.entries(facts).map(([key, value]) => [key, Math.min(100, Math.max(0, value + step()))]),
  );
}

function keyOf({ system, metric }: { system: string; metric: string }): string {
  return `${system}.${metric}`;
}

/** Lehmer's generator: the same numbers in every run. */
function randomNumbers(seed: number): () => number {
  let state = seed * 48_271;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

function since(start: bigint): number {
  return Number(process.hrtime.bigint() - start) / 1000;
}

/** Some of the many runs are enough to keep. */
function thinned(runs: Record<string, number[]>): Record<string, number[]> {
  const every = (values: number[]) => Math.ceil(values.length / 100);
  return Object.fromEntries(
    Object.entries(runs).map(([side, all]) => [side, all.filter((_, i) => i % every(all) === 0)]),
  );
}
