import type { CompleteRule, RuleAction } from "../../../../../models/rules.ts";
import { cpu, ruleOf, when } from "./rule-of.ts";

/** A rule of one comparison that gives systems processor time, per cent, or nodes. */
export interface PlayedRule {
  id: string;
  /** As `brain.load`. */
  reads: string;
  above?: number;
  below?: number;
  /** As `brain` → 25. */
  cpu?: Record<string, number>;
  nodes?: Record<string, number>;
}

/** As the engine has it. */
export function asRule({ id, reads, above, below, cpu: shares = {}, nodes = {} }: PlayedRule): CompleteRule {
  const scale = ([target, by]: [string, number]): RuleAction => ({ type: "scaleSystem", target, parameters: { by } });
  return ruleOf({
    id,
    conditions: [above === undefined ? when(reads, "lessThan", below!) : when(reads, "greaterThan", above)],
    actions: [
      ...Object.entries(shares).map(([target, percent]) => cpu(percent, target)),
      ...Object.entries(nodes).map(scale),
    ],
  });
}

interface Played {
  fired: string[];
  /** Those that go on without end. */
  restless: Set<string>;
}

interface Start {
  work: Readonly<Record<string, number>>;
  nodes: number;
  /** This one fires first, whatever there is to do. */
  push?: string;
}

const COOLDOWN = 60;
const MOST_FIRED = 150;

/** What comes of rules on constant work, a second at a time, by an interpreter that shares nothing with the search for conflicts. */
function play(rules: readonly PlayedRule[], { work, nodes: first, push }: Start, enough = MOST_FIRED): Played {
  const shares: Record<string, number> = {};
  const nodes: Record<string, number> = {};
  const ready: Record<string, number> = {};
  const fired: string[] = [];
  const act = ({ id, cpu: share = {}, nodes: scale = {} }: PlayedRule, now: number) => {
    fired.push(id);
    ready[id] = now + COOLDOWN;
    for (const system in share) shares[system] = Math.min(100, Math.max(-50, (shares[system] ?? 0) + share[system]!));
    for (const system in scale) nodes[system] = Math.min(8, Math.max(1, (nodes[system] ?? first) + scale[system]!));
  };
  const value = (reads: string) => {
    const [system, metric] = reads.split(".") as [string, string];
    const byNodes = (nodes[system] ?? first) / first;
    // More of the processor does not make a process compute for less of it.
    const share = metric === "cpu" ? 1 : 1 + (shares[system] ?? 0) / 100;
    return Math.min(100, work[reads]! / share / byNodes);
  };
  const holds = ({ reads, above, below }: PlayedRule) =>
    above === undefined ? value(reads) < below! : value(reads) > above;
  let now = 0;
  const pushed = rules.find(({ id }) => id === push);
  if (pushed) act(pushed, now++);
  while (fired.length < enough) {
    const holding = rules.filter(holds);
    if (holding.length === 0) return { fired, restless: new Set() };
    now = Math.max(now, Math.min(...holding.map(({ id }) => ready[id] ?? 0)));
    for (const rule of holding.filter(({ id }) => now >= (ready[id] ?? 0))) act(rule, now);
    now += 1;
  }
  return { fired, restless: new Set(fired.slice(-enough / 2)) };
}

const ROUNDS = 3;

/**
 * Whether rules set each other off, round and round in one order or another: two that push one lever to and fro for some
 * rounds, others without end, where each comes to rest without the one before it.
 */
function fight(rules: readonly PlayedRule[], start: Start): boolean {
  const { fired, restless: endless } = play(rules, start);
  const isPair = rules.length === 2 && areOpposed(rules[0]!, rules[1]!);
  if (!isPair && endless.size < rules.length) return false;
  const [first, ...others] = rules;
  return permutations(others).some((rest) => {
    const order = [first!, ...rest];
    const ids = order.map(({ id }) => id);
    if (!ids.some((_, i) => goesRound(fired, [...ids.slice(i), ...ids.slice(0, i)]))) return false;
    if (isPair) return true;
    return order.every((rule, i) => {
      const { restless } = play(
        rules.filter((one) => one !== rule),
        start,
      );
      return !restless.has(ids[(i + 1) % ids.length]!);
    });
  });
}

function goesRound(fired: readonly string[], order: readonly string[]): boolean {
  let at = 0;
  for (const id of fired) if (id === order[at % order.length]) at += 1;
  return at > ROUNDS * order.length;
}

function areOpposed(a: PlayedRule, b: PlayedRule): boolean {
  const against = (one: Record<string, number> = {}, other: Record<string, number> = {}) =>
    Object.keys(one).some((system) => one[system]! * (other[system] ?? 0) < 0);
  return against(a.cpu, b.cpu) || against(a.nodes, b.nodes);
}

function permutations<T>(all: readonly T[]): T[][] {
  if (all.length < 2) return [[...all]];
  return all.flatMap((one) => permutations(all.filter((other) => other !== one)).map((rest) => [one, ...rest]));
}

/** Whether rules fight on any of these works, with any number of nodes, from the work itself or once any of them has fired. */
export function fightOn(rules: readonly PlayedRule[], works: Iterable<Start["work"]>): boolean {
  const numbers = rules.some(({ nodes }) => nodes) ? [1, 2, 3, 5, 8] : [1];
  const pushes = [{}, ...rules.map(({ id }) => ({ push: id }))];
  for (const work of works)
    for (const nodes of numbers) for (const push of pushes) if (fight(rules, { work, nodes, ...push })) return true;
  return false;
}

/** Every amount of work of each of the metrics, from 0 to 100 by steps; no organ computes for more than it is loaded. */
export function* worksOf(metrics: readonly string[], step: number): Generator<Record<string, number>> {
  const [metric, ...others] = metrics;
  if (metric === undefined) return yield {};
  for (let value = 0; value <= 100; value += step)
    for (const rest of worksOf(others, step)) {
      const work = { ...rest, [metric]: value };
      if ((work["brain.cpu"] ?? 0) <= (work["brain.load"] ?? 100)) yield work;
    }
}
