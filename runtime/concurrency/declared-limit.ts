import type { AdaptiveLimitOptions } from "./adaptive-limit.ts";

interface ActionDefinition {
  name: string;
  timeout?: number;
  concurrency?: unknown;
}

const LARGEST = 100_000;

/**
 * What an action says of its concurrency: `concurrency: false`, as many as come; `{floor, ceiling}`, never less and never
 * more at once. An action without a time-out is meant to take long, and gets no limit.
 * @throws Error naming the action, the value and what is allowed
 */
export function declaredLimit({ name, timeout, concurrency }: ActionDefinition): AdaptiveLimitOptions | false {
  if (concurrency === undefined) return timeout === 0 ? false : {};
  if (concurrency === false) return false;
  const refuse = (field: string, value: unknown, allowed: string): never => {
    const given = typeof value === "number" ? value : JSON.stringify(value);
    throw new Error(`action ${name}: ${field} is ${given}, but must be ${allowed}`);
  };
  if (typeof concurrency !== "object" || concurrency === null || Array.isArray(concurrency))
    return refuse("concurrency", concurrency, "false or { floor, ceiling }");
  const { floor, ceiling, ...rest } = concurrency as { floor?: unknown; ceiling?: unknown };
  for (const [field, value] of Object.entries({ floor, ceiling })) {
    const isRight = value === undefined || (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= LARGEST);
    if (!isRight) refuse(`concurrency.${field}`, value, `a whole number from 1 to ${LARGEST}`);
  }
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined)
    refuse(`concurrency.${unknown}`, (rest as never)[unknown], "left out; there are floor and ceiling");
  if (floor !== undefined && ceiling !== undefined && Number(floor) > Number(ceiling))
    refuse("concurrency.floor", floor, `at most the ceiling, ${ceiling}`);
  return {
    ...(floor === undefined ? {} : { floor: floor as number }),
    ...(ceiling === undefined ? {} : { ceiling: ceiling as number }),
  };
}
