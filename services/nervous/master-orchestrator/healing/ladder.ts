import type { HealingDecision, Rung } from "../../../../models/healing.ts";

/** Attempts from which on each rung is climbed. */
const FROM: readonly [Rung, number][] = [
  ["restart-in-place", 1],
  ["graceful-restart", 4],
  ["dependency-restart", 6],
];

const MEANS: Record<Rung, string> = {
  "restart-in-place": "restarted in its process at once: milliseconds, and nobody else notices",
  "graceful-restart":
    "restarted with fresh code after its dependencies were seen healthy and its calls have ended: some seconds",
  "dependency-restart": "restarted after those of its dependencies that have failed: it stays away longest",
  quarantine: "left alone: its callers are told at once, and its neighbours go on",
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
  const of = Number.isFinite(attempts) ? ` of ${attempts}` : "";
  const order = [...FROM.map(([rung]) => rung), "quarantine" as const];
  const alternatives = order
    .filter((rung) => rung !== chosen)
    .map((rung) => {
      const milder = order.indexOf(rung) < order.indexOf(chosen);
      const skipped = milder && advised === chosen;
      const why = skipped
        ? `it did not help with failures of this kind before (${MEANS[rung]})`
        : milder
          ? "it was tried before and did not last"
          : `it costs more: ${MEANS[rung]}`;
      return { action: rung, why };
    });
  const reason = advised === chosen ? "it helped best with failures of this kind" : `the mildest step that is left`;
  return { chosen, why: `attempt ${attempt}${of}: ${reason}; it is ${MEANS[chosen]}`, alternatives };
}

/** Why it is given up. */
export function decideQuarantine(attempts: number, flapping: string | undefined): HealingDecision {
  return {
    chosen: "quarantine",
    why: `${flapping ?? `${attempts} attempts did not help`}; it is ${MEANS.quarantine}`,
    alternatives: FROM.map(([action]) => ({ action, why: "it was tried, and did not last" })),
  };
}
