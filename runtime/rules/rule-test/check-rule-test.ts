import type { RuleFault } from "../../../models/rules.ts";
import { checkMetricKey, rangeOf } from "../check-metric.ts";
import { checkRules } from "../check-rules.ts";
import { Faults } from "../faults.ts";
import { type Fields, isFields, listField, onlyFields, textField } from "../fields.ts";
import { FARTHEST_OWN } from "../limits.ts";
import type { RuleTest, RuleTestFile } from "./rule-test.ts";
import { parseSeries } from "./series-notation.ts";
import { parseTime } from "./time-notation.ts";

const MOST_TESTS = 1000;
const MOST_EXPECTED = 10_000;
const SHORTEST_INTERVAL = 100;
const LONGEST_INTERVAL = 3_600_000;
/** Where nothing is said: any moment will do, but always the same. */
const START = Date.UTC(2026, 0, 1);

/** Names of an organism: none is asked here. */
const NOT_KNOWN = { own: [], targets: [] };

const FILE_FIELDS = ["rules", "interval", "tests", "conflicts"];
const TEST_FIELDS = ["name", "interval", "start", "series", "firings", "ended", "active", "why"];

export interface CheckedTests {
  file?: RuleTestFile;
  /** Everything that is wrong, also in the rules. */
  faults: RuleFault[];
}

/** @param rules what the file names under `rules`, read already: as it stands in rule files */
export function checkRuleTest(input: unknown, rules: readonly unknown[]): CheckedTests {
  const faults = new Faults("test");
  if (!isFields(input)) {
    faults.wrong("the file", input, "an object with rules and tests");
    return { faults: faults.list };
  }
  onlyFields(faults, "", input, FILE_FIELDS);
  const checked = checkRules(rules);
  if (rules.length === 0) faults.add("rules", "rules are missing: a file's path, a rule, or a list of them");
  const reader = new Reader(
    faults,
    checked.rules.map(({ id }) => id),
  );
  const interval = reader.interval("interval", input["interval"]) ?? 1000;
  const list = listField(faults, "tests", input["tests"], { most: MOST_TESTS, of: "tests" }) ?? [];
  const tests = list.map((one, i) => reader.test(`tests[${i}]`, one, interval));
  const conflicts = input["conflicts"] === undefined ? undefined : reader.conflicts(input["conflicts"]);
  const all = [...checked.faults, ...faults.list];
  if (all.length > 0) return { faults: all };
  const file = { rules: checked.rules, tests: tests.filter((one) => one !== undefined) };
  return { file: conflicts === undefined ? file : { ...file, conflicts }, faults: [] };
}

class Reader {
  readonly #faults: Faults;
  readonly #ids: readonly string[];

  constructor(faults: Faults, ids: readonly string[]) {
    this.#faults = faults;
    this.#ids = ids;
  }

  interval(path: string, input: unknown): number | undefined {
    if (input === undefined) return undefined;
    const ms = parseTime(input);
    if (ms !== undefined && ms >= SHORTEST_INTERVAL && ms <= LONGEST_INTERVAL) return ms;
    return this.#faults.wrong(path, input, "a time from 100ms to 1h, as 1s or 1m30s, or a number of ms");
  }

  test(path: string, input: unknown, byDefault: number): RuleTest | undefined {
    const faults = this.#faults;
    if (!isFields(input)) return faults.wrong(path, input, "an object with series and what is expected");
    onlyFields(faults, path, input, TEST_FIELDS);
    const name = textField(faults, `${path}.name`, input["name"], { longest: 200, what: "a text" });
    const interval = this.interval(`${path}.interval`, input["interval"]) ?? byDefault;
    const series = this.#series(`${path}.series`, input["series"]);
    const start = this.#start(`${path}.start`, input["start"]);
    const test: RuleTest = { name: name ?? path, interval, start: start ?? START, series: series ?? [] };
    const expected = ["firings", "ended", "active", "why"].filter((one) => input[one] !== undefined);
    if (expected.length === 0)
      return faults.add(path, `${path} expects nothing; it needs firings, ended, active or why`);
    const longest = Math.max(0, ...test.series.map(({ values }) => values.length));
    const moment = { interval, last: (longest - 1) * interval };
    const of = (field: string) => ({ path: `${path}.${field}`, input: input[field], moment });
    const seen = (field: string) =>
      this.#list(of(field), ["at", "rule"], (at, one, where) => ({ at, rule: this.#rule(where, one) }));
    if (input["firings"] !== undefined) test.firings = seen("firings");
    if (input["ended"] !== undefined) test.ended = seen("ended");
    if (input["active"] !== undefined)
      test.active = this.#list(of("active"), ["at", "rules"], (at, one, where) => ({
        at,
        rules: this.#rules(where, one),
      }));
    if (input["why"] !== undefined)
      test.why = this.#list(of("why"), ["at", "rule", "says"], (at, one, where) => {
        const says = textField(faults, `${where}.says`, one["says"], { longest: 1000, what: "a text" });
        return { at, rule: this.#rule(where, one), says: says ?? "" };
      });
    return test;
  }

  conflicts(input: unknown): string[][] | undefined {
    if (!Array.isArray(input)) return this.#faults.wrong("conflicts", input, "a list of lists of rules; [] for none");
    return input.map((one, i) => this.#rules(`conflicts[${i}]`, { rules: one }).toSorted());
  }

  #series(path: string, input: unknown): RuleTest["series"] | undefined {
    if (!isFields(input) || Object.keys(input).length === 0)
      return this.#faults.wrong(path, input, 'an object as {"brain.load": "50x30 90x60"}');
    return Object.entries(input).map(([key, text]) => {
      const at = `${path}["${key}"]`;
      checkMetricKey(this.#faults, at, key, NOT_KNOWN);
      const values = this.#values(at, text);
      this.#mustBePossible(at, key, values);
      return { key, values };
    });
  }

  /** An organism never says what cannot be: it is unknown there. */
  #mustBePossible(path: string, key: string, values: readonly (number | null)[]): void {
    const dot = key.indexOf(".");
    const own = { min: -FARTHEST_OWN, max: FARTHEST_OWN, unit: "" };
    const { min, max, unit } = rangeOf(key.slice(0, dot), key.slice(dot + 1)) ?? own;
    const wrong = values.find((value) => value !== null && (value < min || value > max));
    if (wrong === undefined) return;
    const range = `from ${min} to ${max}${unit === "" ? "" : ` ${unit}`}`;
    this.#faults.add(path, `${path} has ${wrong}, but must have numbers ${range}; _ is a value that is not known`);
  }

  #values(path: string, text: unknown): (number | null)[] {
    if (typeof text !== "string") return this.#faults.wrong(path, text, 'values as "50x30 90x60"') ?? [];
    try {
      return parseSeries(text);
    } catch (error) {
      return this.#faults.add(path, `${path}: ${(error as Error).message}`) ?? [];
    }
  }

  #start(path: string, input: unknown): number | undefined {
    if (input === undefined) return undefined;
    const at = typeof input === "string" ? Date.parse(input) : Number.NaN;
    return Number.isNaN(at) ? this.#faults.wrong(path, input, "a date as 2026-01-01T00:00:00Z") : at;
  }

  #list<T>(
    { path, input, moment }: { path: string; input: unknown; moment: { interval: number; last: number } },
    fields: readonly string[],
    read: (at: number, one: Fields, where: string) => T,
  ): T[] {
    const faults = this.#faults;
    if (!Array.isArray(input) || input.length > MOST_EXPECTED)
      return faults.wrong(path, input, `a list of at most ${MOST_EXPECTED}; [] for none`) ?? [];
    return input.flatMap((one, i) => {
      const where = `${path}[${i}]`;
      if (!isFields(one)) return faults.wrong(where, one, `an object with ${fields.join(", ")}`) ?? [];
      onlyFields(faults, where, one, fields);
      const at = parseTime(one["at"]);
      if (at === undefined)
        return faults.wrong(`${where}.at`, one["at"], "a time as 90s or 1m30s, or a number of ms") ?? [];
      if (at % moment.interval !== 0)
        faults.add(
          `${where}.at`,
          `${where}.at is ${at} ms, but values come every ${moment.interval} ms: nothing happens between`,
        );
      if (at > moment.last)
        faults.add(`${where}.at`, `${where}.at is ${at} ms, but the series end at ${Math.max(0, moment.last)} ms`);
      return [read(at, one, where)];
    });
  }

  #rule(where: string, one: Fields): string {
    const id = one["rule"];
    if (typeof id === "string" && this.#ids.includes(id)) return id;
    this.#faults.unknownName(`${where}.rule`, id, this.#ids);
    return "";
  }

  #rules(where: string, one: Fields): string[] {
    const list = one["rules"];
    if (!Array.isArray(list)) return this.#faults.wrong(`${where}.rules`, list, "a list of rules; [] for none") ?? [];
    return list.map((id, i) => this.#rule(`${where}[${i}]`, { rule: id }));
  }
}
