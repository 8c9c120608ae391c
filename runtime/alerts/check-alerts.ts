import type { RuleFault } from "../../models/rules.ts";
import { Faults } from "../rules/faults.ts";
import {
  booleanField,
  choiceField,
  type Fields,
  isFields,
  numberField,
  onlyFields,
  textField,
} from "../rules/fields.ts";
import { LONGEST_ID, LONGEST_NAME, LONGEST_TIME } from "../rules/limits.ts";
import { BUILT_IN_ALERTS } from "./built-in/definitions.ts";
import { checkLevels, type Yardstick } from "./check-levels.ts";
import type { AlertDefinition } from "./definition.ts";
import { checkMetric, ownDefinition, rangeOf } from "./own-alerts.ts";

/** What a file makes of an alert: a built-in one as it is from now on, or an own one. */
export interface DefinedAlert {
  id: string;
  enabled: boolean;
  definition: AlertDefinition;
}

export interface CheckedAlerts {
  /** Those without a fault, in the order in which they came. */
  alerts: DefinedAlert[];
  /** Everything that is wrong with the others; `rule` is the alert's id. */
  faults: RuleFault[];
}

/** Alerts that one file may hold. */
export const MOST_ALERTS = 200;
const ID = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const CHANGE_FIELDS = ["id", "enabled", "levels", "keepFor", "advice"];
const OWN_FIELDS = ["id", "enabled", "metric", "bad", "levels", "keepFor", "summary", "advice"];
const BUILT_IN: ReadonlyMap<string, AlertDefinition> = new Map(BUILT_IN_ALERTS.map((one) => [one.id, one]));

/**
 * Reads one alert, a list, or `{alerts: [...]}`. All faults are told at once, and one bad alert does not stop the others. Never
 * throws.
 * @param own own metrics seen so far, as `heart.user-management.signups`: suggested, never demanded, since they come later
 */
export function checkAlerts(input: unknown, own: readonly string[] = []): CheckedAlerts {
  const list = listOf(input);
  const whole = new Faults("alerts");
  if (!list) {
    whole.wrong("alerts", input, "an alert, a list of alerts, or {alerts: [...]}");
    return { alerts: [], faults: whole.list };
  }
  if (list.length > MOST_ALERTS)
    whole.add("alerts", `there are ${list.length} alerts in it; at most ${MOST_ALERTS} may be`);
  const alerts = new Map<string, DefinedAlert>();
  const all = list.slice(0, MOST_ALERTS).map((one, i) => {
    const faults = new Faults(nameOf(one, i));
    const alert = isFields(one) ? checkAlert(faults, one, own) : faults.wrong("alert", one, "an object");
    if (alert && alerts.has(alert.id)) faults.add("id", `id is "${alert.id}", which another alert before it has`);
    else if (alert) alerts.set(alert.id, alert);
    return faults.list;
  });
  return { alerts: [...alerts.values()], faults: [...whole.list, ...all.flat()] };
}

/** What a file of alerts holds, unchecked; undefined where it is nothing of the kind. */
export function listOf(input: unknown): unknown[] | undefined {
  if (Array.isArray(input)) return input;
  if (!isFields(input)) return undefined;
  if (!Object.hasOwn(input, "alerts")) return [input];
  return Array.isArray(input["alerts"]) ? input["alerts"] : undefined;
}

function checkAlert(faults: Faults, input: Fields, own: readonly string[]): DefinedAlert | undefined {
  const id = textField(faults, "id", input["id"], {
    longest: LONGEST_ID,
    pattern: ID,
    what: "an id of small letters and digits, with - between its words,",
  });
  const builtIn = id === undefined ? undefined : BUILT_IN.get(id);
  const isOwn = Object.hasOwn(input, "metric") && !builtIn;
  if (!builtIn && !isOwn) {
    if (id === undefined) return undefined;
    const also = " (a built-in alert), or an own alert needs a metric, as heart.user-management.signups";
    return faults.unknownName("id", id, [...BUILT_IN.keys()], also);
  }
  if (builtIn?.fixed) return faults.add("id", `${id} can be neither changed nor switched off: ${builtIn.fixed}`);
  onlyFields(faults, "", input, isOwn ? OWN_FIELDS : CHANGE_FIELDS);
  if (builtIn && Object.hasOwn(input, "metric"))
    faults.add("metric", `${id} is built in and measures what it measures; an own alert has another id`);
  const { definition, ...yardstick } = builtIn ? { ...builtIn, definition: builtIn } : ownOf(faults, input, own);
  const enabled = input["enabled"] === undefined ? true : booleanField(faults, "enabled", input["enabled"]);
  const levels =
    builtIn && input["levels"] === undefined ? builtIn.levels : checkLevels(faults, input["levels"], yardstick);
  const keepFor = keptFor(faults, input["keepFor"], definition?.keepFor ?? 0, levels ?? []);
  const advice = input["advice"] === undefined ? definition?.advice : text(faults, "advice", input["advice"]);
  if (faults.any || !definition || id === undefined) return undefined;
  const complete = { ...definition, id, levels: levels!, keepFor: keepFor!, advice: advice! };
  return { id, enabled: enabled!, definition: complete };
}

/** An own alert but for its id and levels, and by what these are measured as far as that is known. */
function ownOf(
  faults: Faults,
  input: Fields,
  own: readonly string[],
): Yardstick & { definition: AlertDefinition | undefined } {
  const metric = checkMetric(faults, input["metric"], own);
  const bad = choiceField(faults, "bad", input["bad"], ["above", "below"]);
  const summary = input["summary"] === undefined ? `${metric} is {value}` : text(faults, "summary", input["summary"]);
  const definition = metric && bad && summary ? ownDefinition(metric, bad, summary) : undefined;
  return { definition, bad, range: rangeOf(metric) };
}

/** A more severe level takes over from the milder one, which is kept meanwhile. */
function keptFor(
  faults: Faults,
  input: unknown,
  otherwise: number,
  levels: AlertDefinition["levels"],
): number | undefined {
  const needed = Math.max(0, ...levels.slice(1).map((level) => level.for));
  if (input === undefined) return Math.max(otherwise, needed);
  const keepFor = numberField(faults, "keepFor", input, { min: 0, max: LONGEST_TIME, integer: true, unit: "ms" });
  if (keepFor === undefined || keepFor >= needed) return keepFor;
  return faults.wrong("keepFor", keepFor, `at least ${needed} ms, which is the longest for of levels[1] and more`);
}

/** What a line of YAML takes, and a log. */
const PLAIN = /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}\uFEFF\uFFFE\uFFFF]+$/u;

function text(faults: Faults, path: string, input: unknown): string | undefined {
  return textField(faults, path, input, {
    longest: LONGEST_NAME,
    pattern: PLAIN,
    what: "a text without control characters,",
  });
}

function nameOf(alert: unknown, index: number): string {
  const id = isFields(alert) ? alert["id"] : undefined;
  return typeof id === "string" && id !== "" ? id.slice(0, LONGEST_ID) : `alert ${index + 1}`;
}
