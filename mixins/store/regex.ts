import { createContext, Script } from "node:vm";
import { AzoraError } from "../../runtime/errors.ts";
import { wrong } from "./refusal.ts";

/** Longest pattern that a query may hold. */
export const MAX_PATTERN = 256;

/** Longest time that one query with patterns may take, ms. A pattern can be short and yet need years. */
export const PATTERN_BUDGET = 500;

const FLAGS = "ims";

export function toRegExp(field: string, pattern: unknown, options: unknown): RegExp {
  const { source, flags } =
    pattern instanceof RegExp ? pattern : { source: pattern, flags: options === undefined ? "" : options };
  if (typeof source !== "string") throw wrong(`${field}.$regex`, source, "a string");
  if (source.length > MAX_PATTERN) {
    throw wrong(`${field}.$regex`, source, `at most ${MAX_PATTERN} characters long`);
  }
  if (typeof flags !== "string" || ![...flags].every((flag) => FLAGS.includes(flag))) {
    throw wrong(`${field}.$options`, flags, `made of the letters ${[...FLAGS].join(", ")}`);
  }
  try {
    return new RegExp(source, flags);
  } catch (error) {
    throw wrong(`${field}.$regex`, source, `a regular expression (${(error as Error).message})`);
  }
}

const context = createContext({ run: undefined as unknown });
const script = new Script("run()");

/**
 * Runs a query with patterns within its time. V8 looks for an interrupt whenever a pattern backtracks, so the time-out
 * ends even one that would run for ever; SQLite then gives the statement up.
 */
export function withinPatternBudget<T>(run: () => T): T {
  context["run"] = run;
  try {
    return script.runInContext(context, { timeout: PATTERN_BUDGET }) as T;
  } catch (error) {
    if ((error as { code?: string }).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
    throw new AzoraError(
      "UNSUPPORTED_QUERY",
      `The query with $regex took longer than ${PATTERN_BUDGET} ms; use a simpler pattern, or narrow the query by other fields`,
      { operator: "$regex", budget: PATTERN_BUDGET },
    );
  } finally {
    context["run"] = undefined;
  }
}

/** Longest literal beginning that is looked at. */
const MAX_PREFIX = 64;
const PLAIN = /^[A-Za-z0-9 _\-,:;@#%&=!<>"'`~/\u00a1-\ud7ff\ue000-\uffff]$/;
const ESCAPED = /^[.*+?^${}()|[\]\\/-]$/;

/**
 * The range of strings in which all matches of an anchored pattern lie: `/^ab[0-9]/` finds nothing below `ab`, nor from
 * `ac` on. Undefined where the pattern does not begin with `^` and a literal. What is not surely literal ends the
 * prefix, which makes the range wider and never wrong.
 */
export function literalPrefix({ source, flags }: RegExp): { from: string; to: string } | undefined {
  // With "m" the anchor also stands at line breaks, with "i" a letter is two; an alternative may begin otherwise.
  if (!source.startsWith("^") || /[im]/.test(flags) || source.includes("|")) return undefined;
  let prefix = "";
  let at = 1;
  while (at < source.length && prefix.length < MAX_PREFIX) {
    let char = source[at]!;
    let next = at + 1;
    if (char === "\\" && ESCAPED.test(source[at + 1] ?? "")) {
      char = source[at + 1]!;
      next = at + 2;
    } else if (!PLAIN.test(char)) {
      break;
    }
    if (/[*?{]/.test(source[next] ?? "")) break;
    prefix += char;
    at = next;
  }
  if (prefix === "") return undefined;
  return {
    from: prefix,
    to: prefix.slice(0, -1) + String.fromCodePoint(following(prefix.charCodeAt(prefix.length - 1))),
  };
}

/** The next code point that is no half of a pair. */
const following = (unit: number) => (unit === 0xd7ff ? 0xe000 : unit + 1);
