import { SEVERITIES } from "../../models/alerts.ts";
import { type Faults, shown } from "../rules/faults.ts";
import { choiceField, isFields, listField, numberField, onlyFields } from "../rules/fields.ts";
import { LONGEST_TIME } from "../rules/limits.ts";
import type { AlertDefinition, AlertLevel } from "./definition.ts";

/** By what bounds are measured. What is bad may not be known, where that is a fault itself. */
export interface Yardstick extends Pick<AlertDefinition, "range"> {
  bad: AlertDefinition["bad"] | undefined;
}

/** The levels of one alert, the least severe first; undefined after a fault. */
export function checkLevels(faults: Faults, input: unknown, of: Yardstick): AlertLevel[] | undefined {
  const list = listField(faults, "levels", input, { most: SEVERITIES.length, of: "levels" });
  const levels = list?.map((one, i) => checkLevel(faults, `levels[${i}]`, one, of));
  const right = levels?.filter((level) => level !== undefined);
  if (!levels || right?.length !== levels.length) return undefined;
  for (const [i, level] of right.entries()) if (i > 0) checkPair(faults, i, right[i - 1]!, level, of);
  return right;
}

function checkLevel(faults: Faults, path: string, input: unknown, { bad, range }: Yardstick): AlertLevel | undefined {
  if (!isFields(input)) return faults.wrong(path, input, "an object with severity, bound and for");
  onlyFields(faults, path, input, ["severity", "bound", "clear", "for"]);
  const severity = choiceField(faults, `${path}.severity`, input["severity"], SEVERITIES);
  const bound = checkBound(faults, `${path}.bound`, input["bound"], { bad, range });
  const clear =
    input["clear"] === undefined || bound === undefined
      ? undefined
      : checkClear(faults, `${path}.clear`, input["clear"], bound, { bad, range });
  const time = { min: 0, max: LONGEST_TIME, integer: true, unit: "ms" };
  const held = input["for"] === undefined ? 0 : numberField(faults, `${path}.for`, input["for"], time);
  if (severity === undefined || bound === undefined || held === undefined) return undefined;
  return { severity, bound, ...(clear === undefined ? {} : { clear }), for: held };
}

/** The end of the range that is well is no bound: every value would be bad. */
function checkBound(faults: Faults, path: string, value: unknown, { bad, range }: Yardstick): number | undefined {
  const { min, max } = range;
  if (isNumber(value, range) && value !== (bad === "above" ? min : bad === "below" ? max : undefined)) return value;
  const allowed = { above: `a number above ${min}, ${max} at most`, below: `a number from ${min}, and below ${max}` };
  return faults.wrong(path, value, bad ? allowed[bad] : `a number from ${min} to ${max}`);
}

/** At the bound itself it would begin and end at once. */
function checkClear(
  faults: Faults,
  path: string,
  value: unknown,
  bound: number,
  { bad, range }: Yardstick,
): number | undefined {
  const { min, max } = range;
  const isRight =
    isNumber(value, range) && value !== bound && (bad === undefined || value < bound === (bad === "above"));
  if (isRight) return value;
  const allowed = {
    above: `a number from ${min}, and below the bound, which is ${bound}`,
    below: `a number above the bound, which is ${bound}, ${max} at most`,
  };
  return faults.wrong(path, value, bad ? allowed[bad] : `a number from ${min} to ${max}`);
}

function isNumber(value: unknown, { min, max }: AlertDefinition["range"]): value is number {
  return typeof value === "number" && value >= min && value <= max;
}

/** What holds for the more severe one has to hold for the milder one before it, from its beginning to its end. */
function checkPair(faults: Faults, i: number, milder: AlertLevel, level: AlertLevel, { bad }: Yardstick): void {
  const path = `levels[${i}]`;
  const before = `levels[${i - 1}]`;
  const isWorse = (one: number, other: number) => (bad === "above" ? one > other : one < other);
  if (SEVERITIES.indexOf(level.severity) <= SEVERITIES.indexOf(milder.severity))
    faults.wrong(
      `${path}.severity`,
      level.severity,
      `more severe than that of ${before}, ${milder.severity}: the least severe comes first`,
    );
  if (bad && !isWorse(level.bound, milder.bound))
    faults.wrong(`${path}.bound`, level.bound, `${bad} that of ${before}, ${milder.bound}`);
  if (level.for > milder.for)
    faults.wrong(`${path}.for`, level.for, `no longer than that of ${before}, ${milder.for} ms`);
  const ends = milder.clear ?? milder.bound;
  if (bad && level.clear !== undefined && isWorse(ends, level.clear))
    faults.add(
      `${path}.clear`,
      `${path}.clear is ${shown(level.clear)}, but ${before} ends at ${ends} already; it must not end before ${path} does`,
    );
}
