import { LONGEST_MS } from "./far-scripts.ts";
import type { Entry } from "./near-level.ts";

export interface FarHit {
  value: unknown;
  /** ms; below 0 where it is past its time. */
  freshFor: number;
  keptFor: number;
  age: number;
  loadTime: number;
  tags: string[];
}

/** What stands before the value: times in ms; -1: as long as may be. */
interface Head {
  fresh: number;
  kept: number;
  load: number;
  tags: string[];
}

/** @returns `kept`, ms for which Redis is to keep it */
export function packed(
  { until, freshUntil, loadTime, tags, value }: Entry,
  now: number,
): { kept: number; data: string } {
  const kept = Math.min(Math.floor(until - now), LONGEST_MS);
  const head: Head = {
    fresh: Number.isFinite(freshUntil) ? Math.floor(freshUntil - now) : -1,
    kept,
    load: Math.round(loadTime * 1000) / 1000,
    tags: tags as string[],
  };
  return { kept, data: `${JSON.stringify(head)}\n${JSON.stringify(value)}` };
}

/** @param remaining ms for which Redis keeps it */
export function unpacked(data: string, remaining: number): FarHit | undefined {
  try {
    const end = data.indexOf("\n");
    const { fresh, kept, load, tags } = JSON.parse(data.slice(0, end)) as Head;
    const value: unknown = JSON.parse(data.slice(end + 1));
    const age = Math.max(kept - remaining, 0);
    return { value, age, loadTime: load, tags, keptFor: remaining, freshFor: fresh < 0 ? remaining : fresh - age };
  } catch {
    return undefined;
  }
}
