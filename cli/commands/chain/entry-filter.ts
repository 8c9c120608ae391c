import { type Command, UsageError } from "../../command.ts";

/** Options that say which entries are meant. */
export const FILTER: NonNullable<Command["options"]> = {
  type: { type: "string", short: "t", describe: 'event type, or its beginning with a dot: "user."' },
  from: {
    type: "string",
    describe: "this time and later: 2026-11-20, 2026-11-20T11:40:00Z, or 10m for 10 minutes ago",
  },
  to: { type: "string", describe: "before this time" },
  subject: { type: "string", short: "s", describe: "whom it is about" },
  actor: { type: "string", short: "a", describe: "who did it" },
  request: { type: "string", short: "r", describe: "request that it was recorded in" },
  block: { type: "string", short: "b", describe: "height of the block" },
  text: { type: "string", describe: "text that stands in the data" },
};

const UNITS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The filter as the API takes it. @throws UsageError */
export function filterOf(options: Record<string, string | boolean | undefined>, now = Date.now()): URLSearchParams {
  const query = new URLSearchParams();
  const set = (name: string, value: string | undefined) => value !== undefined && query.set(name, value);
  const given = (name: string) => options[name] as string | undefined;
  set("eventType", given("type"));
  set("from", momentOf("from", given("from"), now));
  set("to", momentOf("to", given("to"), now));
  set("subject", given("subject"));
  set("actor", given("actor"));
  set("requestId", given("request"));
  set("block", given("block") === undefined ? undefined : String(wholeNumber("block", given("block")!, 0)));
  set("text", given("text"));
  return query;
}

export function wholeNumber(name: string, text: string, min: number, max = Number.MAX_SAFE_INTEGER): number {
  if (/^\d{1,16}$/.test(text) && Number(text) >= min && Number(text) <= max) return Number(text);
  const allowed = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`;
  throw new UsageError(`--${name} is "${text}", but must be a whole number ${allowed}`);
}

function momentOf(name: string, text: string | undefined, now: number): string | undefined {
  if (text === undefined) return undefined;
  const ago = /^(\d{1,9})([smhd])$/.exec(text);
  const ms = ago
    ? now - Number(ago[1]) * UNITS[ago[2]!]!
    : /^\d{4}-\d\d-\d\d/.test(text)
      ? Date.parse(text)
      : Number.NaN;
  if (!Number.isNaN(ms)) return new Date(ms).toISOString();
  throw new UsageError(
    `--${name} is "${text}", but must be a time as 2026-11-20, 2026-11-20T11:40:00Z or 10m, 2h, 1d ago`,
  );
}
