import { expect, test } from "@jest/globals";
import { openApiOf } from "../../../services/lungs/azora-api-gateway/openapi.ts";
import type { RegisteredService, RestRoute } from "../../../services/lungs/azora-api-gateway/routes.ts";

const params = { id: "string|min:2", name: "string", limit: "number|convert|optional", $$strict: true };
const action = (name: string, more = {}) => ({ name, params, ...more });
const routes: RestRoute[] = [
  {
    method: "GET",
    path: "/users/:id",
    service: "users",
    action: action("users.get", { description: "Finds one. Or not." }),
  },
  { method: "PUT", path: "/users/:id", service: "users", action: action("users.update") },
  { method: "PATCH", path: "/users/:id", service: "users", action: action("users.update") },
  { method: "*", path: "/any", service: "users", action: { name: "users.any" } },
];
const services: RegisteredService[] = [{ fullName: "users", metadata: { description: "People." } }];

type Operation = {
  operationId: string;
  parameters?: { name: string; in: string; required: boolean; schema: object }[];
  [key: string]: unknown;
};

function operations(document: ReturnType<typeof openApiOf>): [string, string, Operation][] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(
      ([method, operation]) => [path, method, operation as Operation] as [string, string, Operation],
    ),
  );
}

test("the document is whole: ids unique, path parameters declared, references resolved", () => {
  const document = openApiOf(routes, services, "/api");
  const all = operations(document);
  const ids = all.map(([, , { operationId }]) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const [path, , operation] of all) {
    const inPath = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name);
    const declared = (operation.parameters ?? [])
      .filter((parameter) => parameter.in === "path")
      .map(({ name }) => name);
    expect(declared).toEqual(inPath);
  }
  for (const [, reference] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
    const target = reference!.split("/").reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], document);
    expect(target).toBeDefined();
  }
  expect(document.openapi).toBe("3.1.1");
});

test("GET has its parameters in the query, PUT in the body, both the id in the path", () => {
  const item = openApiOf(routes, services, "/api").paths["/api/users/{id}"] as Record<string, Operation>;
  expect(item.get).toMatchObject({ summary: "Finds one.", description: "Finds one. Or not.", tags: ["users"] });
  expect(item.get!.parameters).toEqual([
    { name: "id", in: "path", required: true, schema: { type: "string", minLength: 2 } },
    { name: "name", in: "query", required: true, schema: { type: "string" } },
    { name: "limit", in: "query", required: false, schema: { type: "number" } },
  ]);
  expect(item.put!.requestBody).toEqual({
    required: true,
    content: {
      "application/json": {
        schema: {
          type: "object",
          properties: { name: { type: "string" }, limit: { type: ["number", "null"] } },
          required: ["name"],
          additionalProperties: false,
        },
      },
    },
  });
});

test("an action without declared params takes any object", () => {
  const item = openApiOf(routes, services, "/api").paths["/api/any"] as Record<string, Operation>;
  expect(Object.keys(item).sort()).toEqual(["delete", "get", "patch", "post", "put"]);
  expect(item.post!.requestBody).toEqual({ content: { "application/json": { schema: { type: "object" } } } });
});

test("the order of arrival changes nothing, a change of a rule changes the version", () => {
  const document = openApiOf(routes, services, "/api");
  expect(openApiOf([...routes].reverse(), services, "/api").info.version).toBe(document.info.version);
  const changed = [{ ...routes[0]!, action: action("users.get", { params: { id: "string" } }) }, ...routes.slice(1)];
  expect(openApiOf(changed, services, "/api").info.version).not.toBe(document.info.version);
});
