import { ENTRY_STATES } from "./log/states.ts";

/** Shapes of what the actions take. */
export const NAME = { type: "string", min: 1, max: 200 } as const;
export const ID = {
  type: "string",
  pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$",
} as const;
export const COUNT = { type: "number", integer: true, min: 0, max: Number.MAX_SAFE_INTEGER, convert: true } as const;
export const LIMIT = { type: "number", integer: true, min: 1, max: 1000, default: 100, convert: true } as const;
export const YES = { type: "boolean", convert: true, default: false } as const;
export const TIME = {
  type: "string",
  pattern: "^\\d{4}-\\d\\d-\\d\\d(T\\d\\d:\\d\\d(:\\d\\d(\\.\\d{1,3})?)?(Z|[+-]\\d\\d:\\d\\d))?$",
} as const;

/** What an entry is made of. */
export const ENTRY = {
  eventType: { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9._:$-]{0,199}$" },
  data: { type: "object" },
  idempotencyKey: { type: "string", min: 1, max: 500, optional: true },
  subject: { ...NAME, optional: true },
  actor: { ...NAME, optional: true },
} as const;

/** One of many entries: itself, or its JSON text, which a bus hands over as it is. */
export const ONE_OF_MANY = { ...ENTRY, idempotencyKey: { type: "string", min: 1, max: 500 } } as const;
export const ENTRIES = {
  type: "array",
  min: 1,
  max: 1000,
  items: [
    { type: "object", strict: true, props: ONE_OF_MANY },
    { type: "string", min: 2, max: 1_000_000 },
  ],
} as const;

export const AWAITED = { type: "enum", values: ENTRY_STATES.slice(1), default: "durable" } as const;

/** An entry, by its id or by its index. */
export const WHICH = { id: { ...ID, optional: true }, index: { ...COUNT, optional: true } } as const;

/** Which entries are asked for. */
export const QUERY = {
  eventType: { ...NAME, optional: true },
  from: { ...TIME, optional: true },
  to: { ...TIME, optional: true },
  subject: { ...NAME, optional: true },
  actor: { ...NAME, optional: true },
  requestId: { ...NAME, optional: true },
  block: { ...COUNT, optional: true },
  text: { type: "string", min: 1, max: 1000, optional: true },
  after: { type: "string", pattern: "^\\d{1,16}$", optional: true },
  limit: LIMIT,
  order: { type: "enum", values: ["asc", "desc"], default: "asc" },
} as const;
