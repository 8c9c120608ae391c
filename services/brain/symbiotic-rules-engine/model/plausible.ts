import { BUCKETS } from "../../../../runtime/vitals/histogram.ts";

/** No node ends more calls between two reports. */
export const MOST_CALLS = 1e7;
/** Of each kind in one report. */
export const MOST_PARTS = 5000;
const LONGEST_NAME = 200;

export type Fields = Record<string, unknown>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isName(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= LONGEST_NAME;
}

/** The number where it is one from 0 to `most`, else NaN: unknown. */
export function plausible(value: unknown, most: number): number {
  return typeof value === "number" && value >= 0 && value <= most ? value : Number.NaN;
}

export function areCounts(part: Fields, most: number, ...fields: string[]): boolean {
  return fields.every((field) => !Number.isNaN(plausible(part[field], most)));
}

/** Calls in buckets as a histogram gives them, `[bucket, count, …]`; NaN where it cannot have given them. */
export function callsIn(buckets: unknown): number {
  if (!Array.isArray(buckets) || buckets.length % 2 !== 0 || buckets.length > 2 * BUCKETS) return Number.NaN;
  let calls = 0;
  for (let i = 0; i < buckets.length; i += 2) {
    const bucket = buckets[i] as number;
    const count = buckets[i + 1] as number;
    if (!Number.isInteger(bucket) || bucket < 0 || bucket >= BUCKETS) return Number.NaN;
    if (!Number.isInteger(count) || count <= 0) return Number.NaN;
    calls += count;
  }
  return calls <= MOST_CALLS ? calls : Number.NaN;
}

/** What is no work for anyone: how one is, and the node's own commands. */
export function isUpkeep(service: string, action: string): boolean {
  return action === `${service}.health` || /^(\$|node-(host|accounting|performance)$)/.test(service);
}
