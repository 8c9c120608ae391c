import type { Held } from "./held.ts";

/** How long the highest need is looked at before something shrinks, ms. */
export const WINDOWS = { share: 60_000, nodes: 300_000, memory: 3_600_000 } as const;
/** Least time between two steps down of what refuses calls, ms; doubled each time that its rule fired again. */
export const REST_MS = 10_000;
/** What is left may be used so far after a step down, %. */
const ROOM = 70;
/** Less than this is given back at once, %. */
const LEAST_PERCENT = 10;
const SHED_STEPS = [
  { priority: "high", share: 100 },
  { priority: "medium", share: 100 },
  { priority: "low", share: 100 },
  { priority: "low", share: 50 },
  { priority: "low", share: 25 },
] as const;
/** A throttle opens by this factor, so many times; then it is gone. */
const OPENING = 1.5;
const OPENINGS = 4;

export interface GiveBack {
  /** Highest need since the last change, %: of processor and places, or of the heap; infinite while it is not known. */
  need: number;
  /** Time between two steps down, ms. */
  rest: number;
  now: number;
}

/**
 * The next step down of something whose rule is not active any more: its value then, "release", or undefined while it has
 * to stay. Small steps, and only as far as the highest need of a window lets them.
 */
export function nextStep(held: Held, { need, rest, now }: GiveBack): Held["value"] | "release" | undefined {
  const { since, changed = since, ended } = held;
  if (ended === undefined) return undefined;
  switch (held.kind) {
    case "flag":
      return "release";
    case "shed": {
      if (now - Math.max(changed, ended) < rest) return undefined;
      const { priority, share } = held.value;
      const below = SHED_STEPS.find(
        (step, at) => at > firstOf(priority) - 1 && (step.priority !== priority || step.share < share),
      );
      return below ? { ...below } : "release";
    }
    case "throttle": {
      if (now - Math.max(changed, ended) < rest) return undefined;
      const opened = Math.round((now - ended) / rest);
      return opened > OPENINGS ? "release" : { rate: Math.ceil(held.value.rate * OPENING) };
    }
    case "share": {
      const { percent } = held.value;
      const half = Math.round(percent / 2);
      const next = Math.abs(half) < LEAST_PERCENT ? 0 : half;
      // What was taken away is given back by time alone: nobody can say what would have been used of it.
      const isFree =
        percent < 0 ? now - Math.max(changed, ended) >= WINDOWS.share : need * ((100 + percent) / (100 + next)) < ROOM;
      if (!isFree) return undefined;
      return next === 0 ? "release" : { percent: next };
    }
    case "nodes": {
      const { organ, before, to } = held.value;
      if (to <= before) return need < Number.POSITIVE_INFINITY || now - ended >= WINDOWS.nodes ? "release" : undefined;
      if ((need * to) / (to - 1) >= ROOM) return undefined;
      return to - 1 === before ? "release" : { organ, before, to: to - 1 };
    }
    case "memory": {
      const most = Math.max(...held.value.nodes.map(({ was, to }) => to / was));
      return need * most < ROOM ? "release" : undefined;
    }
  }
}

const firstOf = (priority: string) => SHED_STEPS.findIndex((step) => step.priority === priority);
