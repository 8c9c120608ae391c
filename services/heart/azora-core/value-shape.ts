/** The declared type of a configuration value. `json` takes any JSON, or what its `shape` says. */
export type Declaration =
  | { type: "string"; min?: number; max?: number; enum?: string[] }
  | { type: "number"; min?: number; max?: number; integer?: boolean; enum?: number[] }
  | { type: "boolean" }
  | { type: "json"; shape?: Shape };

/** What is allowed inside a `json` value; `min` and `max` are lengths for strings and arrays. */
export type Shape =
  | Exclude<Declaration, { type: "json" }>
  | { type: "any" }
  | { type: "array"; items?: Shape; min?: number; max?: number }
  | { type: "object"; properties?: Record<string, Shape & { optional?: boolean }>; additional?: boolean };

/** Same form as the entries of a validation problem. */
export interface ValueError {
  field: string;
  value?: unknown;
  allowed: string;
}

/** Largest value as JSON, characters. */
export const MAX_JSON = 65_536;
const MAX_DEPTH = 16;

/** Everything that is wrong with a value; empty when it is right. */
export function valueErrors(declaration: Declaration, value: unknown, field = "value"): ValueError[] {
  if (declaration.type !== "json") return shapeErrors(declaration, value, field, 0);
  const size = JSON.stringify(value)?.length;
  if (size === undefined) return [{ field, allowed: "must be JSON" }];
  if (size > MAX_JSON) return [{ field, allowed: `must have at most ${MAX_JSON} characters as JSON (has ${size})` }];
  return shapeErrors(declaration.shape ?? { type: "any" }, value, field, 0);
}

/** Everything that is wrong with a declaration itself. */
export function declarationErrors(declaration: unknown, field = "declaration"): ValueError[] {
  return declaredErrors(declaration, field, ["string", "number", "boolean", "json"], 0);
}

function shapeErrors(shape: Shape, value: unknown, field: string, depth: number): ValueError[] {
  const wrong = (allowed: string): ValueError[] => [{ field, value, allowed }];
  if (depth > MAX_DEPTH) return [{ field, allowed: `must not be nested deeper than ${MAX_DEPTH} levels` }];
  switch (shape.type) {
    case "any":
      return [];
    case "boolean":
      return typeof value === "boolean" ? [] : wrong("must be true or false");
    case "string":
      if (typeof value !== "string") return wrong("must be a string");
      if (shape.enum && !shape.enum.includes(value)) return wrong(`must be one of ${shape.enum.join(", ")}`);
      return between(value.length, shape, "characters", wrong, MAX_JSON);
    case "number":
      if (typeof value !== "number" || !Number.isFinite(value)) return wrong("must be a number");
      if (shape.integer && !Number.isInteger(value)) return wrong("must be a whole number");
      if (shape.enum && !shape.enum.includes(value)) return wrong(`must be one of ${shape.enum.join(", ")}`);
      return between(value, shape, "", wrong);
    case "array":
      if (!Array.isArray(value)) return wrong("must be an array");
      return [
        ...between(value.length, shape, "items", wrong),
        ...value.flatMap((item, i) => (shape.items ? shapeErrors(shape.items, item, `${field}[${i}]`, depth + 1) : [])),
      ];
    case "object":
      return objectErrors(shape, value, field, depth);
  }
}

function objectErrors(shape: Shape & { type: "object" }, value: unknown, field: string, depth: number): ValueError[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return [{ field, value, allowed: "must be an object" }];
  }
  const properties = Object.entries(shape.properties ?? {});
  const known = properties.map(([name]) => name);
  const errors = properties.flatMap(([name, inner]): ValueError[] => {
    if (Object.hasOwn(value, name)) {
      return shapeErrors(inner, (value as Record<string, unknown>)[name], `${field}.${name}`, depth + 1);
    }
    return inner.optional ? [] : [{ field: `${field}.${name}`, allowed: "is required" }];
  });
  if (shape.additional ?? !shape.properties) return errors;
  const unknown = Object.keys(value).filter((name) => !known.includes(name));
  const allowed = `not known here; known are ${known.join(", ") || "none"}`;
  return [...errors, ...unknown.map((name) => ({ field: `${field}.${name}`, allowed }))];
}

function between(
  size: number,
  { min = -Infinity, max = Infinity }: { min?: number; max?: number },
  unit: string,
  wrong: (allowed: string) => ValueError[],
  ceiling = Infinity,
): ValueError[] {
  if (size >= min && size <= Math.min(max, ceiling)) return [];
  const upper = Math.min(max, ceiling);
  const range =
    min === -Infinity ? `at most ${upper}` : upper === Infinity ? `at least ${min}` : `from ${min} to ${upper}`;
  return wrong(unit ? `must have ${range} ${unit}` : `must be ${range}`);
}

const KEYS: Record<string, string[]> = {
  string: ["min", "max", "enum"],
  number: ["min", "max", "integer", "enum"],
  boolean: [],
  json: ["shape"],
  any: [],
  array: ["items", "min", "max"],
  object: ["properties", "additional"],
};

function declaredErrors(declared: unknown, field: string, types: string[], depth: number): ValueError[] {
  if (depth > MAX_DEPTH) return [{ field, allowed: `must not be nested deeper than ${MAX_DEPTH} levels` }];
  if (typeof declared !== "object" || declared === null)
    return [{ field, value: declared, allowed: "must be an object" }];
  const { type, optional, ...options } = declared as Record<string, unknown>;
  if (typeof type !== "string" || !types.includes(type)) {
    return [{ field: `${field}.type`, value: type, allowed: `must be one of ${types.join(", ")}` }];
  }
  const errors = Object.entries(options).flatMap(([name, value]) =>
    KEYS[type]!.includes(name)
      ? optionErrors(type, name, value, `${field}.${name}`, depth)
      : [{ field: `${field}.${name}`, allowed: `not known here; known are ${KEYS[type]!.join(", ") || "none"}` }],
  );
  if (optional !== undefined && (typeof optional !== "boolean" || depth === 0)) {
    errors.push({ field: `${field}.optional`, allowed: "belongs to a property of an object, true or false" });
  }
  const { min, max } = options as { min?: number; max?: number };
  if (typeof min === "number" && typeof max === "number" && min > max) {
    errors.push({ field: `${field}.min`, value: min, allowed: `must not be above max, ${max}` });
  }
  return errors;
}

const INNER = ["string", "number", "boolean", "any", "array", "object"];

function optionErrors(type: string, name: string, value: unknown, field: string, depth: number): ValueError[] {
  const must = (right: boolean, allowed: string): ValueError[] => (right ? [] : [{ field, value, allowed }]);
  switch (name) {
    case "min":
    case "max":
      return must(typeof value === "number" && Number.isFinite(value), "must be a number");
    case "integer":
    case "additional":
      return must(typeof value === "boolean", "must be true or false");
    case "enum":
      return must(
        Array.isArray(value) && value.length > 0 && value.length <= 1000 && value.every((one) => typeof one === type),
        `must be a list of 1 to 1000 ${type}s`,
      );
    case "properties":
      if (typeof value !== "object" || value === null) return must(false, "must be an object");
      return Object.entries(value).flatMap(([key, inner]) =>
        declaredErrors(inner, `${field}.${key}`, INNER, depth + 1),
      );
    default:
      return declaredErrors(value, field, INNER, depth + 1); // shape, items
  }
}
