import type { Truth } from "../../models/rule-results.ts";
import type { Columns } from "./columns.ts";
import { LONGEST_TIME, MOST_RULES } from "./limits.ts";
import { type LoadedRules, workHash } from "./loaded-rules.ts";
import { MOST_WINDOWS, type RateSample } from "./rate-windows.ts";
import { FALSE, TRUE, TRUTHS, UNKNOWN } from "./truth.ts";

/**
 * What rules are in the middle of, so that another process can go on with it. Stretches of time are ms before the moment at
 * which it was taken, so that it says nothing of any clock.
 */
export interface TimingSnapshot {
  /** By id; a rule that is not here is as if it were new, and not active. */
  rules: Record<string, RuleTimes>;
  /** By `brain.load/60000` (column and stretch, ms): the samples of a rate as base64 of pairs of doubles, age and value. */
  rates: Record<string, string>;
}

interface RuleTimes {
  work: string;
  /** The last truth that was known, and how long it has been seen to last. */
  last: Truth;
  lasted: number;
  /** Since when it is active, and since when it has fired; null: it is not, it never has. */
  active: number | null;
  fired: number | null;
  /** Its comparisons, as written, that hold up to their clear values. */
  holding: number[];
}

/** An active rule may be so old, ms. */
const LONGEST_AGE = 100 * 365 * 24 * 3_600_000;

export function rememberTimes(loaded: LoadedRules, columns: Columns, now: number): TimingSnapshot {
  const snapshot: TimingSnapshot = { rules: {}, rates: {} };
  for (const [number, rule] of loaded.rules.entries()) {
    const times = timesOf(loaded, number, now);
    if (times) snapshot.rules[rule.id] = { work: workHash(rule), ...times };
  }
  for (const { column, over, samples } of loaded.network.program.rates.windows()) {
    const pairs = Float64Array.from(samples.flatMap(({ at, value }) => [now - at, value]));
    if (pairs.length > 0)
      snapshot.rates[`${columns.keys[column]}/${over}`] = Buffer.from(pairs.buffer).toString("base64");
  }
  return snapshot;
}

/** Of a rule that would be another one if it were new. */
function timesOf({ timing, network }: LoadedRules, number: number, now: number): Omit<RuleTimes, "work"> | undefined {
  const { active, activeSince, lastFired, last, since, paused } = timing.state(number);
  const { firstWritten } = network.program;
  const holding: number[] = [];
  const first = firstWritten[number]!;
  for (let at = first; at < firstWritten[number + 1]!; at++) if (network.holding(at)) holding.push(at - first);
  const isCooling = timing.cooldownLeft(number, now) > 0;
  if (!active && !isCooling && last !== TRUE && holding.length === 0) return undefined;
  return {
    last: TRUTHS[last]!,
    lasted: last === UNKNOWN ? 0 : paused < 0 ? now - since : paused,
    active: active ? now - activeSince : null,
    fired: isCooling || active ? ageOf(lastFired, now) : null,
    holding,
  };
}

function ageOf(moment: number, now: number): number | null {
  return Number.isFinite(moment) ? now - moment : null;
}

/**
 * Rules go on as if nothing had been known since the snapshot was taken. What cannot be read is left out: such a rule starts as
 * new. That a rule has fired later than that is already known, and stands.
 * @param taken when the snapshot was taken, by the clock of this process, ms
 */
export function recallTimes(loaded: LoadedRules, columns: Columns, snapshot: unknown, taken: number): void {
  const { rules, rates } = (snapshot ?? {}) as Partial<Record<keyof TimingSnapshot, unknown>>;
  if (!isRecord(rules) || Object.keys(rules).length > MOST_RULES) return;
  for (const [number, rule] of loaded.rules.entries()) {
    const times = readTimes(rules[rule.id]);
    recallRule(loaded, number, times?.work === workHash(rule) ? times : undefined, taken);
  }
  for (const [key, text] of Object.entries(isRecord(rates) ? rates : {}).slice(0, MOST_WINDOWS)) {
    const slash = key.lastIndexOf("/");
    const column = columns.find(key.slice(0, slash));
    const samples = readSamples(text, taken);
    if (column === undefined || !samples) continue;
    loaded.network.program.rates.restore(column, Number(key.slice(slash + 1)), samples);
  }
}

function recallRule(
  { timing, network }: LoadedRules,
  number: number,
  times: RuleTimes | undefined,
  taken: number,
): void {
  const { firstWritten } = network.program;
  const first = firstWritten[number]!;
  for (const one of times?.holding ?? []) if (first + one < firstWritten[number + 1]!) network.hold(first + one);
  if (timing.lastFired(number) > taken) return;
  const ended = { active: false, activeSince: Number.NaN };
  if (!times) {
    timing.restore(number, ended);
    return;
  }
  const { last, lasted, active, fired } = times;
  timing.restore(number, {
    ...(active === null ? ended : { active: true, activeSince: taken - active }),
    ...(fired === null ? {} : { lastFired: taken - fired }),
    ...(last === "unknown" ? {} : { last: last === "true" ? TRUE : FALSE, paused: lasted }),
  });
}

function readTimes(input: unknown): RuleTimes | undefined {
  const { work, last, lasted, active, fired, holding } = (input ?? {}) as Partial<RuleTimes>;
  const isGood =
    typeof work === "string" &&
    TRUTHS.includes(last!) &&
    isAge(lasted) &&
    (active === null || isAge(active)) &&
    (fired === null || isAge(fired)) &&
    Array.isArray(holding) &&
    holding.every((one) => Number.isInteger(one) && one >= 0);
  return isGood ? (input as RuleTimes) : undefined;
}

/** Undefined where they are not what was written: whole, known, the oldest first. */
function readSamples(text: unknown, taken: number): RateSample[] | undefined {
  const bytes = Buffer.from(typeof text === "string" ? text : "", "base64");
  if (bytes.length === 0 || bytes.length % 16 !== 0) return undefined;
  const samples: RateSample[] = [];
  let before = LONGEST_TIME;
  for (let at = 0; at < bytes.length; at += 16) {
    const [age, value] = [bytes.readDoubleLE(at), bytes.readDoubleLE(at + 8)];
    if (!(age >= 0 && age < before) || !Number.isFinite(value)) return undefined;
    samples.push({ at: taken - age, value });
    before = age;
  }
  return samples;
}

function isAge(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= LONGEST_AGE;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
