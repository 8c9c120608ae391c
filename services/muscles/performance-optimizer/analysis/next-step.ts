import type { PerformanceStep } from "../../../../models/performance-views.ts";
import type { TimeSpent } from "../measurements/time-spent.ts";
import type { ServiceFacts } from "./service-facts.ts";

/** A step that promises less than this share of a call's time is not worth anyone's while. */
const WORTHWHILE = 0.05;
/** Fewer calls in a minute say too little. */
const LEAST_CALLS = 10;
/** One that holds the event loop for longer keeps others waiting, ms. */
const BLOCKING_MS = 20;
const LATE_LOOP_MS = 50;
/** Share of a core above which a node is busy, and below which it has room. */
const BUSY = 0.7;
const ROOM = 0.5;

type Candidate = PerformanceStep;

/** The one step that promises most, or none. Each says on which figures it rests. */
export function nextStep(facts: ServiceFacts, spent: TimeSpent): PerformanceStep | null {
  if (facts.calls < LEAST_CALLS) return null;
  const whole = total(spent);
  if (whole <= 0) return null;
  const all: Candidate[] = [
    ...advised(facts, spent, whole),
    ...inThread(facts, spent, whole),
    ...caching(facts),
    ...moreRoom(facts, spent, whole),
    ...pools(facts, whole),
    ...dependency(facts, spent, whole),
  ];
  const best = all.sort((a, b) => b.expectedGain - a.expectedGain)[0];
  return best && best.expectedGain >= WORTHWHILE ? best : null;
}

export function total({ own, waiting, queueing, database, gc }: TimeSpent): number {
  return own + database + queueing + gc + waiting.reduce((sum, { time }) => sum + time, 0);
}

function advised({ advice }: ServiceFacts, { database }: TimeSpent, whole: number): Candidate[] {
  return advice.map(({ kind, what, why, gain, of }) => {
    if (of === "whole") return { kind, what, why, expectedGain: gain };
    const evidence = `${share(database / whole)} of a call's time goes to the database (${ms(database)}); ${why}`;
    return { kind, what, why: evidence, expectedGain: gain * (database / whole) };
  });
}

function inThread({ actions, nodes, cores }: ServiceFacts, { own }: TimeSpent, whole: number): Candidate[] {
  const late = nodes.find(({ loopDelay, cpu }) => (loopDelay ?? 0) >= LATE_LOOP_MS && cpu >= BUSY);
  if (!late || cores < 2 || own < BLOCKING_MS) return [];
  const heavy = most(
    actions.filter(({ worker, mean }) => !worker && mean >= BLOCKING_MS),
    ({ calls, mean }) => calls * mean,
  );
  if (!heavy) return [];
  return [
    {
      kind: "worker-thread",
      what: `Say \`metadata: { worker: true }\` on the action ${heavy.action}, so that it runs in a thread`,
      why: `a call computes for ${ms(own)}, and the event loop of ${late.node} is ${ms(late.loopDelay!)} late at ${share(late.cpu)} of a core`,
      expectedGain: (own / whole) * (1 - 1 / cores),
    },
  ];
}

/** Whether answers repeat is not known from outside: half of the calls are supposed to find theirs. */
function caching({ actions }: ServiceFacts): Candidate[] {
  const time = actions.reduce((sum, { calls, mean }) => sum + calls * mean, 0);
  const best = most(
    actions.filter(({ idempotent, cached, calls, mean }) => idempotent && !cached && calls >= 60 && mean >= 5),
    ({ calls, mean }) => calls * mean,
  );
  if (!best || time === 0 || !/\.(get|list|find|count|read|search|query|resolve)[A-Za-z]*$/.test(best.action))
    return [];
  const part = (best.calls * best.mean) / time;
  return [
    {
      kind: "cache",
      what: `Say \`cache: { keys, ttl }\` on the action ${best.action}, if its answers may be that old`,
      why: `it may run twice, is called ${best.calls} times a minute for ${ms(best.mean)} each, and nothing of it is cached; supposed that every other call asks for the same`,
      expectedGain: part * 0.5,
    },
  ];
}

function moreRoom(facts: ServiceFacts, { queueing }: TimeSpent, whole: number): Candidate[] {
  if (queueing / whole < WORTHWHILE) return [];
  const { nodes, actions, organ, isSingleton, service } = facts;
  const busiest = most(nodes, ({ cpu }) => cpu);
  const waiting = most(actions, ({ calls, queue }) => calls * queue);
  if (!busiest || !waiting) return [];
  const why = `calls wait ${ms(queueing)} for their turn, ${share(queueing / whole)} of their time`;
  if (busiest.cpu < ROOM && waiting.limit !== null) {
    return [
      {
        kind: "concurrency-limit",
        what: `Let more than ${waiting.limit} calls of ${waiting.action} run at once`,
        why: `${why}, while ${busiest.node} uses ${share(busiest.cpu)} of a core`,
        expectedGain: queueing / whole,
      },
    ];
  }
  if (busiest.cpu >= BUSY && organ && !isSingleton) {
    return [
      {
        kind: "scale",
        what: `Run ${service} on one more node: azora scale ${organ} ${nodes.length + 1}`,
        why: `${why}, and ${busiest.node} uses ${share(busiest.cpu)} of a core`,
        expectedGain: (queueing / whole) * (1 / (nodes.length + 1)),
      },
    ];
  }
  return [];
}

function pools({ pools: all, calls }: ServiceFacts, whole: number): Candidate[] {
  return all
    .filter(({ size, max, uses }) => size < max && uses > 0)
    .map(({ name, node, size, max, uses, wait }) => ({
      kind: "pool-size",
      what: `Let the pool ${name} on ${node} have more than ${size} places; ${max} are allowed`,
      why: `${uses} uses in the last minute waited ${ms(wait)} each for a place`,
      expectedGain: Math.min(1, (wait * Math.min(1, uses / calls)) / whole),
    }));
}

/** What somebody else's work could be made faster by is not known here: a third is a guess, and said to be one. */
function dependency({ service }: ServiceFacts, { waiting }: TimeSpent, whole: number): Candidate[] {
  const first = waiting[0];
  if (!first || first.time / whole < 0.5) return [];
  return [
    {
      kind: "dependency",
      what: `Look at ${first.service} first: azora optimizer analyze ${first.service}`,
      why: `${service} waits ${ms(first.time)} of its ${ms(whole)} a call for ${first.service}, ${share(first.time / whole)}; supposed that a third of it can be saved`,
      expectedGain: first.time / whole / 3,
    },
  ];
}

function most<T>(all: readonly T[], by: (one: T) => number): T | undefined {
  return all.reduce<T | undefined>((best, one) => (best === undefined || by(one) > by(best) ? one : best), undefined);
}

const share = (part: number) => `${Math.round(part * 100)} %`;
const ms = (time: number) => `${time >= 10 ? Math.round(time) : Math.round(time * 100) / 100} ms`;
