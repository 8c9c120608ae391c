/** One wrong field of a request, as a client reads it. */
export interface FieldError {
  /** Path of the field: `age`, `address.city`, `tags[0]`. Empty: the whole. */
  field: string;
  /** What was sent, shortened; left out where it was missing or may be a secret. */
  value?: unknown;
  /** What would have been right. */
  allowed: string;
}

/** An entry of fastest-validator's report. */
interface ValidatorEntry {
  type: string;
  message: string;
  field?: string;
  expected?: unknown;
  actual?: unknown;
}

const SECRET = /pass(word|phrase)?|secret|token|credential|pin$|api-?key/i;
/** Here the validator reports the number of characters, items or properties, not the value. */
const COUNTED = /^(string|array|email|object)(Min|Max|Length)|^tupleLength/;
const LONGEST_VALUE = 200;
const MOST_ENTRIES = 100;

/**
 * The wrong fields of fastest-validator's report, one entry for each field: alternatives of a multi rule are joined, an
 * unknown parameter is named by itself. Other lists come back as they are.
 */
export function fieldErrors(report: unknown[]): unknown[] {
  if (!report.every(isValidatorEntry)) return report.slice(0, MOST_ENTRIES);
  const byField = new Map<string, FieldError>();
  for (const error of report.flatMap(entriesOf)) {
    const known = byField.get(error.field);
    if (!known) byField.set(error.field, error);
    else if (!known.allowed.split(", or ").includes(error.allowed)) known.allowed += `, or ${error.allowed}`;
  }
  return [...byField.values()].slice(0, MOST_ENTRIES);
}

function isValidatorEntry(entry: unknown): entry is ValidatorEntry {
  const { type, message } = (entry ?? {}) as Partial<ValidatorEntry>;
  return typeof type === "string" && typeof message === "string";
}

function entriesOf(entry: ValidatorEntry): FieldError[] {
  const field = entry.field ?? "";
  if (entry.type === "objectStrict") {
    const prefix = field === "" ? "" : `${field}.`;
    return String(entry.actual)
      .split(", ")
      .map((name) => ({ field: prefix + name, allowed: `not known here; known are ${entry.expected || "none"}` }));
  }
  const hidden = entry.type === "required" || COUNTED.test(entry.type) || SECRET.test(field);
  const value = hidden ? undefined : shortened(entry.actual);
  return [{ field, ...(value === undefined ? {} : { value }), allowed: allowedBy(entry) }];
}

/** `The 'age' field must be a number.` → `must be a number` */
function allowedBy({ type, message, expected, actual }: ValidatorEntry): string {
  // A number may be allowed as a number and as a text.
  if (/enum/i.test(type)) return `must be one of ${[...new Set(String(expected).split(", "))].join(", ")}`;
  if (type === "stringPattern" && expected) return `must match ${expected}`;
  const demand = message.replace(/^The (object )?'.*?' (field )?/, "").replace(/\.$/, "");
  return COUNTED.test(type) ? `${demand} (is ${actual})` : demand;
}

function shortened(value: unknown): unknown {
  if (value === null || ["undefined", "number", "boolean"].includes(typeof value)) return value;
  if (typeof value === "string") return value.length > LONGEST_VALUE ? `${value.slice(0, LONGEST_VALUE)}…` : value;
  try {
    const text = JSON.stringify(value) ?? String(value);
    if (SECRET.test(text)) return undefined;
    return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : value;
  } catch {
    return undefined; // cyclic, or holds what JSON does not know
  }
}
