import { describe, expect, test } from "@jest/globals";
import { AliasIndex } from "../../../services/lungs/azora-api-gateway/alias-index.ts";
import { pathTemplates } from "../../../services/lungs/azora-api-gateway/path-template.ts";
import { requestIdOf } from "../../../services/lungs/azora-api-gateway/request-id.ts";
import { RouteTable } from "../../../services/lungs/azora-api-gateway/route-table.ts";
import { type RegisteredService, routesOf } from "../../../services/lungs/azora-api-gateway/routes.ts";

function service(fullName: string, rests: Record<string, unknown>, rest?: unknown): RegisteredService {
  const actions = Object.entries(rests).map(([rawName, declared]) => {
    const name = `${fullName}.${rawName}`;
    return [name, { name, rawName, rest: declared }];
  });
  return { fullName, settings: { rest }, actions: Object.fromEntries(actions) };
}

const shown = (given: RegisteredService) =>
  routesOf(given).routes.map(({ method, path, action }) => `${method} ${path} ${action.name}`);

describe("rest declarations", () => {
  test.each<[string, unknown, unknown, string[]]>([
    ["a string", "GET /:id", undefined, ["GET /users/:id users.x"]],
    ["a lower-case method", "get /:id", undefined, ["GET /users/:id users.x"]],
    ["a path alone takes all methods", "/import", undefined, ["* /users/import users.x"]],
    ["an object", { method: "PUT", path: "/:id" }, undefined, ["PUT /users/:id users.x"]],
    ["an object without a path has the action's name", { method: "POST" }, undefined, ["POST /users/x users.x"]],
    ["a list", ["GET /", "GET /all"], undefined, ["GET /users users.x", "GET /users/all users.x"]],
    ["the service's own base", "GET /users/:id", "/", ["GET /users/:id users.x"]],
    ["several bases", "GET /", ["a", "/b/"], ["GET /a users.x", "GET /b users.x"]],
  ])("%s", (_, rest, base, routes) => {
    expect(shown(service("users", { x: rest }, base))).toEqual(routes);
  });

  test("the version is part of the path", () => {
    expect(shown(service("v2.users", { list: "GET /" }))).toEqual(["GET /v2/users v2.users.list"]);
  });

  test("actions without rest, and those that are not published, are no routes", () => {
    const given = service("users", { open: undefined, hidden: "GET /hidden" });
    given.actions!["users.hidden"]!.visibility = "public";
    expect(shown(given)).toEqual([]);
  });

  test.each(["FETCH /x", "GET /a?b", "GET /x#y", 7, { fullPath: "/health" }])("%j is refused with a reason", (rest) => {
    const { routes, problems } = routesOf(service("users", { x: rest }));
    expect(routes).toEqual([]);
    expect(problems).toEqual([{ action: "users.x", rest, why: expect.stringMatching(/.{10,}/) }]);
  });
});

test("a declaration may want the operator's token, and says so with true", () => {
  const { routes, problems } = routesOf(
    service("users", {
      open: "GET /",
      closed: { method: "GET", path: "/all", operator: true },
      odd: { operator: "yes" },
    }),
  );
  expect(routes.map(({ path, operator }) => [path, operator])).toEqual([
    ["/users", false],
    ["/users/all", true],
  ]);
  expect(problems).toMatchObject([{ action: "users.odd", why: "operator must be true or false" }]);
});

describe("the table", () => {
  test("has the route that says more of a path before those that say less, whoever declared it", () => {
    const table = new RouteTable();
    table.update([
      service("a", { any: "GET /*rest", one: "GET /files/:id", most: "GET /files/*rest", x: "GET /files/x" }),
    ]);
    expect(table.routes.map(({ path }) => path)).toEqual(["/a/files/x", "/a/files/:id", "/a/files/*rest", "/a/*rest"]);
  });

  test("says whether anything changed", () => {
    const table = new RouteTable();
    expect(table.update([service("a", { x: "GET /x" })])).toBe(true);
    expect(table.update([service("a", { x: "GET /x" })])).toBe(false);
    expect(table.update([service("a", { x: "PUT /x" })])).toBe(true);
  });

  test("keeps the routes of a service that is down, and takes its new ones when it is back", () => {
    const table = new RouteTable();
    table.update([service("a", { x: "GET /x" }), service("b", { y: "GET /y" })]);
    expect(table.update([service("b", { y: "GET /y" })])).toBe(false);
    expect(table.routes.map(({ path }) => path)).toEqual(["/a/x", "/b/y"]);
    table.update([service("a", { z: "GET /z" }), service("b", { y: "GET /y" })]);
    expect(table.routes.map(({ path }) => path)).toEqual(["/a/z", "/b/y"]);
  });

  test("forgets the oldest beyond 500 services that are down", () => {
    const table = new RouteTable();
    table.update(Array.from({ length: 600 }, (_, n) => service(`s${n}`, { x: "GET /x" })));
    table.update([]);
    expect(table.routes).toHaveLength(500);
    expect(table.routes.some(({ service: name }) => name === "s0")).toBe(false);
  });

  test("of two actions with one route the first by name has it, whatever came first", () => {
    const [a, b] = [service("a", { x: "GET /:id" }, "/t"), service("b", { x: "GET /:key" }, "/t")];
    for (const order of [
      [a, b],
      [b, a],
    ]) {
      const table = new RouteTable();
      table.update(order);
      expect(table.routes.map(({ action }) => action.name)).toEqual(["a.x"]);
      expect(table.problems[0]).toMatchObject({ action: "b.x", why: "a.x has this route already" });
    }
  });
});

test.each([
  ["/users/:id", [["/users/{id}", "id"]]],
  ["/users{/:id}", [["/users"], ["/users/{id}", "id"]]],
  ["/files/*path", [["/files/{path}", "path"]]],
  ['/a/:"odd name"', [["/a/{odd name}", "odd name"]]],
  ["/a{/:x{/:y}}", [["/a"], ["/a/{x}", "x"], ["/a/{x}/{y}", "x", "y"]]],
])("%s as OpenAPI paths", (pattern, expected) => {
  const found = pathTemplates(pattern).map(({ path, names }) => [path, ...names]);
  expect(found.sort()).toEqual(expected);
});

test("the index finds what trying every alias in order would find", () => {
  const alias = (fullPath: string, method = "GET") => {
    const pattern = new RegExp(`^${fullPath.replace(/:\w+/g, "([^/]+)")}$`, "i");
    return { fullPath, isMethod: (name: string) => name === method, match: (url: string) => pattern.test(url) && {} };
  };
  const aliases = [
    alias("/api/users/:id"),
    alias("/api/users/me", "PUT"),
    alias("/api/users"),
    alias("/api/:any"),
    alias("/live"),
  ];
  const index = new AliasIndex(aliases);
  for (const url of ["/api/users/1", "/api/USERS", "/api/users/me", "/live", "/api/x", "/", "/nope", "/api", ""]) {
    for (const method of ["GET", "PUT"]) {
      const first = aliases.find((one) => one.isMethod(method) && one.match(url));
      expect(index.find(url, method)?.alias).toBe(first);
    }
  }
  expect(index.all("/api/users/me").map(({ fullPath }) => fullPath)).toEqual(["/api/users/:id", "/api/users/me"]);
});

test.each(["a b", "x\r\ny", "é", "", "a".repeat(129), "{jndi:x}", undefined, ["a", "b"]])(
  "request id %j is replaced",
  (header) => {
    expect(requestIdOf(header)).toMatch(/^[0-9a-f-]{36}$/);
  },
);

test("a harmless request id is kept", () => {
  expect(requestIdOf("trace.1:2-3_4")).toBe("trace.1:2-3_4");
});
