import { createHash } from "node:crypto";
import { ERROR_CODES } from "../../../runtime/errors.ts";
import { paramsSchema, withoutNull } from "./param-schema.ts";
import { pathTemplates } from "./path-template.ts";
import { METHODS, type RegisteredService, type RestRoute } from "./routes.ts";
import type { JsonSchema } from "./string-schema.ts";

/** An OpenAPI 3.1 document: https://spec.openapis.org/oas/v3.1.1 */
export interface OpenApiDocument {
  openapi: "3.1.1";
  info: { title: string; version: string; description: string };
  servers: { url: string }[];
  tags: { name: string; description?: string }[];
  paths: Record<string, Record<string, unknown>>;
  components: Record<string, unknown>;
}

/** The document of all routes below `mount`. Its version is a digest of its content, so it changes when that does. */
export function openApiOf(routes: readonly RestRoute[], services: RegisteredService[], mount: string): OpenApiDocument {
  const paths: Record<string, Record<string, unknown>> = { ...OWN_PATHS };
  const names = new UniqueNames();
  for (const route of [...routes].sort(byPath)) {
    for (const { path, names: inPath } of pathTemplates(mount + route.path)) {
      paths[path] ??= {};
      const item = paths[path];
      for (const method of route.method === "*" ? METHODS.filter((name) => name !== "HEAD") : [route.method]) {
        item[method.toLowerCase()] ??= operation(route, method, inPath, names);
      }
    }
  }
  const tags = [
    { name: "gateway", description: "The gateway itself." },
    ...services.map(({ fullName, metadata }) => ({ name: fullName, ...text("description", metadata?.description) })),
  ];
  const digest = createHash("sha256")
    .update(JSON.stringify([paths, tags]))
    .digest("hex")
    .slice(0, 12);
  return {
    openapi: "3.1.1",
    info: {
      title: "Azora API",
      version: digest,
      description: "Made from the services' own declarations. Every error is an RFC 9457 problem document.",
    },
    servers: [{ url: "/" }],
    tags,
    paths,
    components: COMPONENTS,
  };
}

const byPath = (a: RestRoute, b: RestRoute) => (`${a.path} ${a.method}` < `${b.path} ${b.method}` ? -1 : 1);

function operation({ action, service, operator }: RestRoute, method: string, inPath: string[], names: UniqueNames) {
  const schema = paramsSchema(action.params);
  const fields = (schema.properties ?? {}) as Record<string, JsonSchema>;
  const required = (schema.required ?? []) as string[];
  const parameters: unknown[] = inPath.map((name) => ({
    name,
    in: "path",
    required: true,
    schema: withoutNull(fields[name] ?? { type: "string" }),
  }));
  const rest = Object.keys(fields).filter((name) => !inPath.includes(name));
  const hasBody = ["POST", "PUT", "PATCH"].includes(method);
  const summary = action.summary ?? firstSentence(action.description);
  if (!hasBody) {
    for (const name of rest) {
      const query = { name, in: "query", required: required.includes(name), schema: withoutNull(fields[name]!) };
      parameters.push(query);
    }
  }
  return {
    operationId: names.claim(action.name, method),
    tags: [service],
    ...text("summary", summary),
    ...(action.description === summary ? {} : text("description", action.description)),
    ...(action.deprecated === true ? { deprecated: true } : {}),
    ...(operator ? { security: [{ operator: [] }] } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(hasBody ? requestBody(schema, rest, required) : {}),
    responses: {
      "2XX": { description: "What the action returned.", content: { "application/json": { schema: {} } } },
      default: { $ref: "#/components/responses/Problem" },
    },
  };
}

function requestBody(schema: Record<string, unknown>, fields: string[], required: string[]) {
  if (schema.properties === undefined) return { requestBody: { content: { "application/json": { schema } } } };
  const inBody = required.filter((name) => fields.includes(name));
  const { required: _, ...others } = schema;
  const body = {
    ...others,
    properties: Object.fromEntries(fields.map((name) => [name, (schema.properties as Record<string, unknown>)[name]])),
    ...(inBody.length > 0 ? { required: inBody } : {}),
  };
  if (fields.length === 0 && schema.additionalProperties === false) return {};
  return { requestBody: { required: inBody.length > 0, content: { "application/json": { schema: body } } } };
}

/** operationIds are unique: the first route of an action has its name, others the method, then a number added. */
class UniqueNames {
  readonly #taken = new Set<string>();

  claim(name: string, method: string): string {
    const candidates = [name, `${name}.${method.toLowerCase()}`];
    let free = candidates.find((candidate) => !this.#taken.has(candidate));
    for (let n = 2; free === undefined; n++) if (!this.#taken.has(`${name}.${n}`)) free = `${name}.${n}`;
    this.#taken.add(free);
    return free;
  }
}

function text<K extends string>(key: K, value: unknown): Partial<Record<K, string>> {
  return typeof value === "string" && value !== "" ? ({ [key]: value } as Record<K, string>) : {};
}

function firstSentence(value: unknown): string | undefined {
  return typeof value === "string" ? /^.*?[.!?](?=\s|$)|^.*/s.exec(value)?.[0] : undefined;
}

const problemContent = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } };

const report = (description: string) => ({
  description,
  content: { "application/json": { schema: { $ref: "#/components/schemas/Health" } } },
});

function probe(operationId: string, summary: string, parameters: unknown[] = []) {
  const responses = {
    "200": report("Yes."),
    "503": report("No."),
    default: { $ref: "#/components/responses/Problem" },
  };
  return {
    get: { operationId, summary, tags: ["gateway"], ...(parameters.length > 0 ? { parameters } : {}), responses },
  };
}

const OWN_PATHS: Record<string, Record<string, unknown>> = {
  "/live": probe("gateway.live", "Is this gateway process alive?"),
  "/ready": probe("gateway.ready", "Does this gateway process take requests?"),
  "/health": probe("gateway.health", "Is the organism well?"),
  "/health/{system}": probe("gateway.systemHealth", "Is one runtime system well?", [
    { name: "system", in: "path", required: true, schema: { type: "string" } },
  ]),
};

const COMPONENTS = {
  schemas: {
    Health: {
      type: "object",
      properties: { status: { enum: ["healthy", "degraded", "unhealthy"] }, checks: { type: "object" } },
      required: ["status", "checks"],
    },
    Problem: {
      type: "object",
      description: "RFC 9457 problem document.",
      properties: {
        type: { type: "string", format: "uri-reference" },
        title: { type: "string" },
        status: { type: "integer", minimum: 400, maximum: 599 },
        detail: { type: "string" },
        code: { type: "string", examples: Object.keys(ERROR_CODES).slice(0, 3) },
        requestId: { type: "string" },
        errors: {
          type: "array",
          items: {
            type: "object",
            properties: { field: { type: "string" }, value: {}, allowed: { type: "string" } },
          },
        },
      },
      required: ["type", "title", "status", "detail", "code", "requestId"],
    },
  },
  securitySchemes: {
    operator: { type: "http", scheme: "bearer", description: "The operator's token, of data/operator.token." },
  },
  responses: { Problem: { description: "What is wrong.", content: problemContent } },
};
