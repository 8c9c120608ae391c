import type { HealingDecision, Rung } from "../../../../models/healing.ts";

/** Attempts from which on each rung is climbed. */
const FROM: readonly [Rung, number][] = [
  ["restart-in-place", 1],
  ["graceful-restart", 4],
  ["dependency-restart", 6],
];

/** Why a rung is not climbed while a milder one is left. */
const PRICE: Record<Rung, string> = {
  "restart-in-place": "it is done in milliseconds",
  "graceful-restart": "its calls would have to end first, which takes seconds",
  "dependency-restart": "it would stay away until its failed dependencies are stable",
  quarantine: "there are steps left",
};

/** The rung of an attempt, counted from 1. */
export function rungOf(attempt: number): Rung {
  return FROM.findLast(([, from]) => attempt >= from)?.[0] ?? "restart-in-place";
}

/**
 * Number of the first attempt of a rung: where the ladder is entered that begins with it. A ladder that is too short for
 * the rung is entered at its last attempt.
 */
export function entryOf(rung: Rung | undefined, attempts: number): number {
  const from = FROM.find(([one]) => one === rung)?.[1] ?? 1;
  return Math.max(1, Math.min(from, attempts));
}

/**
 * Why this rung is climbed now, and why no other.
 * @param advised the rung that experience says to begin with, where it does
 */
export function decideRung(attempt: number, attempts: number, advised?: Rung): HealingDecision {
  const chosen = rungOf(attempt);
  const order: Rung[] = [...FROM.map(([rung]) => rung), "quarantine"];
  const alternatives = order
    .filter((rung) => rung !== chosen)
    .map((action) => {
      const isMilder = order.indexOf(action) < order.indexOf(chosen);
      const before =
        advised === chosen ? "it did not help with failures of this kind" : "it was tried, and did not last";
      return { action, why: isMilder ? before : PRICE[action] };
    });
  const reason =
    advised === chosen ? "it helped best with failures of this kind" : "it is the mildest step that is left";
  const of = Number.isFinite(attempts) ? ` of ${attempts}` : "";
  return { chosen, why: `${reason} (attempt ${attempt}${of})`, alternatives };
}

/** Why it is given up. */
export function decideQuarantine(attempts: number, flapping: string | undefined): HealingDecision {
  return {
    chosen: "quarantine",
    why: flapping ?? `${attempts} attempts did not help`,
    alternatives: FROM.map(([action, from]) => ({
      action,
      why: from <= attempts ? "it was tried, and did not last" : "its policy allows no more attempts",
    })),
  };
}
