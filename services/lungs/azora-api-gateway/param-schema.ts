import { isOptional, type Rule, toRule } from "./rule-notation.ts";
import { defined, type JsonSchema, lengths, stringSchema } from "./string-schema.ts";

/**
 * JSON Schema of an action's `params` in fastest-validator's notation. Whatever the validator accepts in its target type
 * is accepted by the schema; where JSON Schema cannot say as much (`custom`, transformed strings), it says less.
 * `convert` is described by the type converted into.
 */
export function paramsSchema(params: unknown): Record<string, unknown> {
  if (typeof params !== "object" || params === null) return { type: "object" };
  if (Array.isArray(params)) return asObject(ruleSchema(params));
  const { $$root, $$strict, $$async: _, ...fields } = params as Record<string, unknown>;
  if ($$root === true) return asObject(ruleSchema(fields));
  return objectSchema({ type: "object", props: fields, strict: $$strict });
}

/** JSON Schema of one rule: a shorthand string, an object or a list of alternatives. */
export function ruleSchema(definition: unknown): JsonSchema {
  const rule = toRule(definition);
  const schema = annotated(bare(rule), rule);
  return acceptsNull(rule) ? withNull(schema) : schema;
}

/** Takes `null` out again, for parameters of the URL, which cannot be null. */
export function withoutNull(schema: JsonSchema): JsonSchema {
  if (typeof schema === "boolean") return schema;
  const result = { ...schema };
  if (Array.isArray(result.type)) result.type = unwrapped(result.type.filter((type) => type !== "null"));
  if (Array.isArray(result.enum)) result.enum = result.enum.filter((value) => value !== null);
  if (Array.isArray(result.anyOf)) {
    const rest = result.anyOf.filter((option) => option?.type !== "null");
    const { anyOf: _, ...others } = result;
    return rest.length === 1 ? { ...others, ...(rest[0] as object) } : { ...others, anyOf: rest };
  }
  return result;
}

const unwrapped = <T>(list: T[]): T | T[] => (list.length === 1 ? list[0]! : list);

function asObject(schema: JsonSchema): Record<string, unknown> {
  return typeof schema === "boolean" ? {} : schema;
}

function acceptsNull(rule: Rule): boolean {
  if (rule.type === "any" || rule.type === "custom" || rule.type === "forbidden") return false;
  return rule.optional === true || rule.nullable === true || rule.default != null;
}

function withNull(schema: JsonSchema): JsonSchema {
  if (typeof schema === "boolean" || (schema.type === undefined && !("enum" in schema) && !("anyOf" in schema))) {
    return typeof schema === "object" && "const" in schema ? { anyOf: [schema, { type: "null" }] } : schema;
  }
  const constrained = ["allOf", "const", "not", "anyOf"].some((keyword) => keyword in schema);
  if (!constrained && (typeof schema.type === "string" || "enum" in schema)) {
    const result = { ...schema };
    if (typeof schema.type === "string") result.type = [schema.type, "null"];
    if (Array.isArray(schema.enum)) result.enum = [...schema.enum, null];
    return result;
  }
  const { default: byDefault, description, ...core } = schema;
  return {
    anyOf: [core, { type: "null" }],
    ...(byDefault === undefined ? {} : { default: byDefault }),
    ...(description === undefined ? {} : { description }),
  };
}

function annotated(schema: JsonSchema, rule: Rule): JsonSchema {
  if (typeof schema === "boolean") return schema;
  const notes = [rule.description, schema.description].filter((note) => typeof note === "string");
  const result = { ...schema };
  if (notes.length > 0) result.description = notes.join(" ");
  if (rule.default != null && typeof rule.default !== "function") result.default = rule.default;
  return result;
}

function bare(rule: Rule): JsonSchema {
  switch (rule.type) {
    case "string":
      return stringSchema(rule);
    case "number":
      return numberSchema(rule);
    case "boolean":
      return { type: "boolean" };
    case "email":
      return rule.empty ? { type: "string" } : { type: "string", format: "email", ...lengths(rule, !!rule.normalize) };
    case "url":
      return rule.empty ? { type: "string" } : { type: "string", format: "uri" };
    case "uuid":
      return { type: "string", format: "uuid" };
    case "date":
      return { type: "string", format: "date-time" };
    case "mac":
    case "luhn":
    case "currency":
    case "objectID":
      return { type: "string" };
    case "enum":
      return { enum: Array.isArray(rule.values) ? [...rule.values] : [] };
    case "equal":
      return rule.strict && rule.field === undefined ? { const: rule.value } : {};
    case "forbidden":
      return rule.remove ? {} : { type: "null", description: "Must not be sent." };
    case "multi":
      return { anyOf: ((rule.rules ?? []) as unknown[]).map(ruleSchema) };
    case "array":
      return arraySchema(rule);
    case "tuple":
      return tupleSchema(rule);
    case "record":
      return { type: "object", additionalProperties: rule.value === undefined ? true : ruleSchema(rule.value) };
    case "object":
      return objectSchema(rule);
    default:
      return {}; // any, custom, class, function, and rules that a project added
  }
}

function numberSchema(rule: Rule): JsonSchema {
  return defined({
    type: rule.integer === true ? "integer" : "number",
    minimum: rule.min,
    maximum: rule.max,
    exclusiveMinimum: rule.positive === true ? 0 : undefined,
    exclusiveMaximum: rule.negative === true ? 0 : undefined,
    const: rule.equal,
    not: rule.notEqual == null ? undefined : { const: rule.notEqual },
  });
}

const SCALARS = ["string", "number", "boolean", "email", "url", "uuid"];

function arraySchema(rule: Rule): JsonSchema {
  const items = rule.items === undefined ? undefined : toRule(rule.items);
  // The validator tells objects apart by identity, JSON Schema by content.
  const unique = rule.unique === true && (Array.isArray(rule.enum) || (items && SCALARS.includes(items.type)));
  const empty = rule.empty === false ? 1 : undefined;
  return defined({
    type: "array",
    items: Array.isArray(rule.enum) ? { enum: [...rule.enum] } : items && ruleSchema(rule.items),
    minItems: rule.length ?? rule.min ?? empty,
    maxItems: rule.length ?? rule.max,
    uniqueItems: unique ? true : undefined,
    contains: rule.contains === undefined ? undefined : { const: rule.contains },
  });
}

function tupleSchema(rule: Rule): JsonSchema {
  if (!Array.isArray(rule.items)) return { type: "array", ...(rule.empty === false ? { minItems: 1 } : {}) };
  const full = rule.items.length;
  const schema = {
    type: "array",
    prefixItems: rule.items.map(ruleSchema),
    items: false,
    minItems: full,
    maxItems: full,
  };
  return rule.empty === false ? schema : { anyOf: [schema, { type: "array", maxItems: 0 }] };
}

function objectSchema(rule: Rule): Record<string, unknown> {
  const props = (rule.properties ?? rule.props) as Record<string, unknown> | undefined;
  const bounds = { minProperties: rule.minProps, maxProperties: rule.strict === "remove" ? undefined : rule.maxProps };
  if (!props || typeof props !== "object") return defined({ type: "object", ...bounds });
  const fields = Object.entries(props).filter(([name]) => !name.startsWith("$$"));
  const required = fields.filter(([, definition]) => !isOptional(definition)).map(([name]) => name);
  return defined({
    type: "object",
    properties: Object.fromEntries(fields.map(([name, definition]) => [name, ruleSchema(definition)])),
    required: required.length > 0 ? required : undefined,
    additionalProperties: rule.strict && rule.strict !== "remove" ? false : undefined,
    ...bounds,
  });
}
