/** Most values of one series: a day at one a second. */
export const MOST_VALUES = 86_400;

const NUMBER = String.raw`[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?`;
const STEPS = new RegExp(`^(${NUMBER})(?:([+-])((?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?))?x(\\d+)$`);
const SINGLE = new RegExp(`^${NUMBER}$`);
const UNKNOWN = /^_(?:x(\d+))?$/;

/**
 * Values in promtool's notation, one an interval, separated by spaces:
 * ```
 * 5            5
 * 5x3          5 5 5 5          the value, and three times again
 * 10+5x3       10 15 20 25      the value, and three steps
 * 10-5x3       10 5 0 -5
 * _  _x3       unknown, once and three times
 * ```
 * @returns null where a value is unknown
 * @throws RangeError saying which word is wrong, and what is allowed
 */
export function parseSeries(text: string): (number | null)[] {
  const values: (number | null)[] = [];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const { first, step, count } = parseWord(word);
    if (values.length + count > MOST_VALUES)
      throw new RangeError(`"${word}" makes it longer than ${MOST_VALUES} values, which is the most`);
    for (let i = 0; i < count; i++) values.push(first === null ? null : tidy(first + i * step));
  }
  return values;
}

function parseWord(word: string): { first: number | null; step: number; count: number } {
  const unknown = UNKNOWN.exec(word);
  if (unknown) return { first: null, step: 0, count: unknown[1] === undefined ? 1 : Number(unknown[1]) };
  if (SINGLE.test(word)) return { first: finite(word, word), step: 0, count: 1 };
  const steps = STEPS.exec(word);
  if (!steps) throw new RangeError(`"${word}" is no value; allowed are 5, 5x3, 10+5x3, 10-5x3, _ and _x3`);
  const [, first, sign, step = "0", times] = steps;
  return {
    first: finite(first!, word),
    step: finite(step, word) * (sign === "-" ? -1 : 1),
    count: Number(times) + 1,
  };
}

function finite(text: string, word: string): number {
  const value = Number(text);
  if (!Number.isFinite(value)) throw new RangeError(`"${word}" is too large a number`);
  return value;
}

/** 0.1 three times is 0.3, as the reader of a test expects. */
function tidy(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(15));
}
