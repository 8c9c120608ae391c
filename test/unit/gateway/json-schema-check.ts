/** Checks the part of JSON Schema 2020-12 that the gateway writes. Formats are annotations there, and so here. */
export function accepts(schema: unknown, value: unknown): boolean {
  if (typeof schema === "boolean") return schema;
  return Object.entries(schema as Record<string, unknown>).every(([keyword, rule]) => {
    const check = KEYWORDS[keyword];
    if (check) return check(rule as never, value, schema as Record<string, unknown>);
    if (ANNOTATIONS.includes(keyword)) return true;
    throw new Error(`the checker does not know ${keyword}`);
  });
}

const ANNOTATIONS = ["description", "default", "format", "deprecated"];

type Check = (rule: never, value: unknown, schema: Record<string, unknown>) => boolean;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

const KEYWORDS: Record<string, Check> = {
  type: (types: string | string[], value) => [types].flat().some((type) => isOfType(type, value)),
  enum: (values: unknown[], value) => values.some((one) => same(one, value)),
  const: (one: unknown, value) => same(one, value),
  not: (inner: unknown, value) => !accepts(inner, value),
  anyOf: (options: unknown[], value) => options.some((option) => accepts(option, value)),
  allOf: (all: unknown[], value) => all.every((option) => accepts(option, value)),
  minLength: (min: number, value) => typeof value !== "string" || [...value].length >= min,
  maxLength: (max: number, value) => typeof value !== "string" || [...value].length <= max,
  pattern: (pattern: string, value) => typeof value !== "string" || new RegExp(pattern, "u").test(value),
  minimum: (min: number, value) => typeof value !== "number" || value >= min,
  maximum: (max: number, value) => typeof value !== "number" || value <= max,
  exclusiveMinimum: (min: number, value) => typeof value !== "number" || value > min,
  exclusiveMaximum: (max: number, value) => typeof value !== "number" || value < max,
  minItems: (min: number, value) => !Array.isArray(value) || value.length >= min,
  maxItems: (max: number, value) => !Array.isArray(value) || value.length <= max,
  uniqueItems: (unique: boolean, value) =>
    !unique || !Array.isArray(value) || new Set(value.map((item) => JSON.stringify(item))).size === value.length,
  contains: (inner: unknown, value) => !Array.isArray(value) || value.some((item) => accepts(inner, item)),
  prefixItems: (all: unknown[], value) =>
    !Array.isArray(value) || all.every((inner, i) => i >= value.length || accepts(inner, value[i])),
  items: (inner: unknown, value, schema) => {
    const from = ((schema.prefixItems ?? []) as unknown[]).length;
    return !Array.isArray(value) || value.slice(from).every((item) => accepts(inner, item));
  },
  minProperties: (min: number, value) => !isObject(value) || Object.keys(value).length >= min,
  maxProperties: (max: number, value) => !isObject(value) || Object.keys(value).length <= max,
  required: (names: string[], value) => !isObject(value) || names.every((name) => Object.hasOwn(value, name)),
  properties: (inner: Record<string, unknown>, value) =>
    !isObject(value) ||
    Object.entries(inner).every(([name, one]) => !Object.hasOwn(value, name) || accepts(one, value[name])),
  additionalProperties: (inner: unknown, value, schema) => {
    const known = Object.keys((schema.properties ?? {}) as object);
    return !isObject(value) || Object.keys(value).every((name) => known.includes(name) || accepts(inner, value[name]));
  },
};

function isOfType(type: string, value: unknown): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}
