import type { Measurements } from "./measurements/measurements.ts";

/** What the optimizer's health is judged by. */
export interface HealthFacts {
  /** ms since a report came, or since it began. */
  silence: number;
  /** What was left out of the reports, by cause. */
  refused: Measurements["refused"];
  /** Why the newest analysis failed, and why the newest minute is not stored; nothing where they did not. */
  analysis: string | undefined;
  store: string | undefined;
  /** Services on which something is being tried. */
  tried: readonly string[];
  /** Changes that are still in force though they should not be. */
  undoing: readonly string[];
}

const SILENCE_MS = 5000;

/** Whether it hears of the nodes, can analyse, can store, and has undone what it should. */
export function healthOf({ silence, refused, analysis, store, tried, undoing }: HealthFacts): {
  status: "healthy" | "degraded";
  checks: Record<string, unknown>;
} {
  const isSilent = silence > SILENCE_MS;
  const { reports, parts, late, room } = refused;
  const left = reports + parts + late;
  const checks = {
    reports: isSilent ? "none arrive" : "ok",
    refused: left === 0 && room === 0 ? "none" : `${left} impossible or late, ${room} for want of room`,
    analysis: analysis ?? "ok",
    store: store ?? "ok",
    tuning: tried.length === 0 ? "nothing is being tried" : `being tried on ${tried.join(", ")}`,
    undoing: undoing.length === 0 ? "none" : `not taken back yet: ${undoing.join("; ")}`,
  };
  const isWell = !isSilent && !analysis && !store && undoing.length === 0;
  return { status: isWell ? "healthy" : "degraded", checks };
}
