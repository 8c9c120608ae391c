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
