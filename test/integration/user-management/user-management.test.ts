import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type Context, ServiceBroker } from "moleculer";
import type { Membership } from "../../../models/membership.model.ts";
import type { Stored } from "../../../models/model.ts";
import type { Organisation } from "../../../models/organisation.model.ts";
import type { User } from "../../../models/user.model.ts";
import azoraDatabase from "../../../services/heart/azora-database/azora-database.service.ts";
import userManagement from "../../../services/heart/user-management/user-management.service.ts";

let folder: string;
let broker: ServiceBroker;
let events: [string, Record<string, unknown>][];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "azora-users-"));
  process.env["AZORA_DATA_DIR"] = folder;
  broker = new ServiceBroker({ logger: false, dependencyInterval: 20, registry: { stopDelay: 0 } } as never);
  broker.createService(azoraDatabase as never);
  broker.createService(userManagement as never);
  events = [];
  broker.createService({
    name: "listener",
    events: {
      "user.*": (ctx: Context<never>) => void events.push([ctx.eventName!, ctx.params]),
      "organisation.**": (ctx: Context<never>) => void events.push([ctx.eventName!, ctx.params]),
    },
  } as never);
  await broker.start();
});
afterEach(async () => {
  await broker.stop();
  delete process.env["AZORA_DATA_DIR"];
  rmSync(folder, { recursive: true, force: true });
});

const call = <R>(action: string, params?: object) => broker.call(`user-management.${action}`, params) as Promise<R>;
const newUser = (name: string, more: object = {}) =>
  call<Stored<User>>("create", { email: `${name}@example.org`, displayName: name, ...more });
const newOrganisation = (slug: string, ownerId: string) =>
  call<Stored<Organisation>>("createOrganisation", { name: slug, slug, ownerId });
const setRole = (id: string, userId: string, role: string) =>
  call<Stored<Membership>>("setMember", { id, userId, role });
const names = () => events.map(([name]) => name);

describe("users", () => {
  test("are created with defaults, and announced after the write", async () => {
    const ada = await newUser("Ada");
    expect(ada).toMatchObject({
      email: "ada@example.org",
      displayName: "Ada",
      status: "active",
      locale: "en",
      version: 1,
    });
    expect(events).toEqual([["user.created", { user: ada }]]);
    expect(await call("get", { id: ada._id })).toEqual(ada);
  });

  test("have an e-mail address that nobody else has, in whatever capitals", async () => {
    const ada = await newUser("Ada");
    await expect(newUser("ADA")).rejects.toMatchObject({
      type: "DUPLICATE",
      data: { values: { email: "ada@example.org" } },
    });
    expect(await call("getByEmail", { email: " ADA@Example.org " })).toEqual(ada);
    await expect(call("getByEmail", { email: "bob@example.org" })).rejects.toMatchObject({ type: "NOT_FOUND" });
    expect(names()).toEqual(["user.created"]);
  });

  test.each([
    ["email", { email: "nobody" }],
    ["displayName", { displayName: "  " }],
    ["status", { status: "asleep" }],
    ["locale", { locale: "english" }],
    ["timeZone", { timeZone: "Europe Zurich" }],
  ])("are refused with a wrong %s, which is named", async (field, wrong) => {
    await expect(newUser("ada", wrong)).rejects.toMatchObject({
      type: "VALIDATION_ERROR",
      data: [expect.objectContaining({ field })],
    });
  });

  test("are changed, suspended, deleted and restored, and each is announced", async () => {
    const { _id: id } = await newUser("ada");
    await call("update", { id, version: 1, locale: "de-CH", timeZone: "Europe/Zurich" });
    await call("update", { id, status: "suspended" });
    await expect(call("update", { id, version: 1, locale: "fr" })).rejects.toMatchObject({ type: "VERSION_CONFLICT" });
    await call("remove", { id });
    for (const _ of ["deleted", "alive"]) await call("restore", { id });
    expect(names()).toEqual(["user.created", "user.updated", "user.updated", "user.deleted", "user.restored"]);
    expect(events.at(-1)![1]).toMatchObject({ user: { status: "suspended", locale: "de-CH", deletedAt: null } });
    expect(await call("list", { query: { status: "suspended" }, sort: "displayName" })).toMatchObject({ total: 1 });
  });
});

describe("organisations", () => {
  test("are created with an owner who exists, or not at all", async () => {
    const ada = await newUser("ada");
    await expect(newOrganisation("acme", "nobody")).rejects.toMatchObject({ type: "NOT_FOUND" });
    expect(await call("listOrganisations")).toMatchObject({ total: 0 });
    const acme = await newOrganisation("acme", ada._id);
    expect(await call("getMember", { id: acme._id, userId: ada._id })).toMatchObject({ role: "owner" });
    expect(await call("organisationsOf", { id: ada._id })).toEqual([
      { organisation: acme, role: "owner", since: expect.any(String) },
    ]);
    expect(events.at(-1)).toEqual(["organisation.created", { organisation: acme, ownerId: ada._id }]);
  });

  test("have a slug that no other living one has", async () => {
    const ada = await newUser("ada");
    const first = await newOrganisation("acme", ada._id);
    await expect(newOrganisation("ACME", ada._id)).rejects.toMatchObject({ type: "DUPLICATE" });
    await expect(newOrganisation("a b", ada._id)).rejects.toMatchObject({ type: "VALIDATION_ERROR" });
    await call("removeOrganisation", { id: first._id, version: 1 });
    await newOrganisation("acme", ada._id);
    await expect(call("restoreOrganisation", { id: first._id })).rejects.toMatchObject({ type: "DUPLICATE" });
  });

  test("are changed under their version", async () => {
    const ada = await newUser("ada");
    const { _id: id } = await newOrganisation("acme", ada._id);
    expect(await call("updateOrganisation", { id, version: 1, name: "Acme Ltd" })).toMatchObject({ version: 2 });
    await expect(call("updateOrganisation", { id, version: 1, name: "x" })).rejects.toMatchObject({
      type: "VERSION_CONFLICT",
      data: { expected: 1, actual: 2 },
    });
    expect(await call("getOrganisation", { id })).toMatchObject({ name: "Acme Ltd" });
  });

  test("that are removed come back with their members", async () => {
    const [ada, bob] = [await newUser("ada"), await newUser("bob")];
    const { _id: id } = await newOrganisation("acme", ada._id);
    await setRole(id, bob._id, "member");
    await call("removeOrganisation", { id });
    await expect(call("listMembers", { id })).rejects.toMatchObject({ type: "NOT_FOUND" });
    expect(await call("organisationsOf", { id: bob._id })).toEqual([]);
    await call("restoreOrganisation", { id });
    expect(await call("listMembers", { id })).toMatchObject({ total: 2 });
  });

  test("that lost their owner meanwhile come back only with a new one", async () => {
    const [ada, bob] = [await newUser("ada"), await newUser("bob")];
    const { _id: id } = await newOrganisation("acme", ada._id);
    await call("removeOrganisation", { id });
    await call("remove", { id: ada._id });
    await expect(call("restoreOrganisation", { id })).rejects.toMatchObject({
      type: "CONFLICT",
      data: { field: "ownerId" },
    });
    await expect(call("getOrganisation", { id })).rejects.toMatchObject({ type: "NOT_FOUND" });
    await call("restoreOrganisation", { id, ownerId: bob._id });
    expect(await call("getMember", { id, userId: bob._id })).toMatchObject({ role: "owner" });
  });
});

describe("members", () => {
  test("are listed in pages with user and role", async () => {
    const ada = await newUser("ada");
    const { _id: id } = await newOrganisation("acme", ada._id);
    for (const name of ["bob", "cleo", "dan"]) await setRole(id, (await newUser(name))._id, "member");
    interface Members {
      rows: { user: User; role: string }[];
      nextCursor: string;
    }
    const first = await call<Members>("listMembers", { id, pageSize: 3 });
    const second = await call<Members>("listMembers", { id, pageSize: 3, cursor: first.nextCursor });
    const seen = [...first.rows, ...second.rows].map(({ user, role }) => `${user.displayName} ${role}`);
    expect(seen).toEqual(["ada owner", "bob member", "cleo member", "dan member"]);
    expect(await call("listMembers", { id, role: "owner" })).toMatchObject({ total: 1 });
  });

  test("join, change role and leave, and only what changes is announced", async () => {
    const [ada, bob] = [await newUser("ada"), await newUser("bob")];
    const { _id: id } = await newOrganisation("acme", ada._id);
    events = [];
    await setRole(id, bob._id, "guest");
    await setRole(id, bob._id, "guest");
    await setRole(id, bob._id, "admin");
    await call("removeMember", { id, userId: bob._id });
    expect(names()).toEqual([
      "organisation.member.added",
      "organisation.member.updated",
      "organisation.member.removed",
    ]);
    expect(events[1]![1]).toMatchObject({ previousRole: "guest", membership: { role: "admin", userId: bob._id } });
    await expect(call("getMember", { id, userId: bob._id })).rejects.toMatchObject({ type: "NOT_FOUND" });
    await expect(setRole(id, bob._id, "king")).rejects.toMatchObject({ type: "VALIDATION_ERROR" });
    await expect(setRole(id, "nobody", "member")).rejects.toMatchObject({ type: "NOT_FOUND" });
  });

  test("the last owner cannot leave, be demoted or be deleted", async () => {
    const [ada, bob] = [await newUser("ada"), await newUser("bob")];
    const { _id: id } = await newOrganisation("acme", ada._id);
    const conflict = {
      type: "CONFLICT",
      message: "The last owner of acme cannot go; make someone else an owner first",
    };
    await expect(call("removeMember", { id, userId: ada._id })).rejects.toMatchObject(conflict);
    await expect(setRole(id, ada._id, "admin")).rejects.toMatchObject(conflict);
    await expect(call("remove", { id: ada._id })).rejects.toMatchObject({
      ...conflict,
      data: { organisations: [{ id, slug: "acme" }] },
    });
    expect(await call("get", { id: ada._id })).toMatchObject({ deletedAt: null });

    await setRole(id, bob._id, "owner");
    events = [];
    await call("remove", { id: ada._id });
    expect(names()).toEqual(["organisation.member.removed", "user.deleted"]);
    expect(await call("listMembers", { id })).toMatchObject({ total: 1, rows: [{ role: "owner" }] });
  });

  test("of two owners who leave at the same moment one stays", async () => {
    const [ada, bob] = [await newUser("ada"), await newUser("bob")];
    const { _id: id } = await newOrganisation("acme", ada._id);
    await setRole(id, bob._id, "owner");
    const leaving = await Promise.allSettled([ada, bob].map(({ _id }) => call("removeMember", { id, userId: _id })));
    expect(leaving.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  });
});

test("health says whether the store answers", async () => {
  expect(await call("health")).toEqual({ status: "healthy", checks: { store: { status: "healthy" } } });
});

test("every route is declared below the gateway's root", () => {
  const service = broker.getLocalService("user-management") as unknown as {
    settings: { rest: string };
    schema: { actions: Record<string, { rest?: string }> };
  };
  expect(service.settings.rest).toBe("/");
  const routes = Object.entries(service.schema.actions).flatMap(([name, { rest }]) =>
    rest ? [`${rest} ${name}`] : [],
  );
  expect(routes.sort()).toEqual([
    "DELETE /organisations/:id removeOrganisation",
    "DELETE /organisations/:id/members/:userId removeMember",
    "DELETE /users/:id remove",
    "GET /organisations listOrganisations",
    "GET /organisations/:id getOrganisation",
    "GET /organisations/:id/members listMembers",
    "GET /organisations/:id/members/:userId getMember",
    "GET /users list",
    "GET /users/:id get",
    "GET /users/:id/organisations organisationsOf",
    "PATCH /organisations/:id updateOrganisation",
    "PATCH /users/:id update",
    "POST /organisations createOrganisation",
    "POST /organisations/:id/restore restoreOrganisation",
    "POST /users create",
    "POST /users/:id/restore restore",
    "PUT /organisations/:id/members/:userId setMember",
  ]);
});
