import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { ServiceBroker } from "moleculer";
import { Failover } from "../../../runtime/failover/failover.ts";
import { nodeHost } from "../../../runtime/node-host/node-host.ts";
import type { SlotState } from "../../../runtime/node-host/slots.ts";
import { VitalsRegistry, vitalsMiddleware } from "../../../runtime/vitals/action-vitals.ts";

describe("a node's host", () => {
  let folder: string;
  let broker: ServiceBroker;
  let vitals: VitalsRegistry;
  let shutdowns: number[];
  let told: string[];
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "azora-host-"));
    writeFileSync(join(folder, "package.json"), "{}");
    vitals = new VitalsRegistry();
    shutdowns = [];
    told = [];
    const failover = new Failover();
    broker = new ServiceBroker({
      nodeID: "heart-1",
      logger: false,
      skipProcessEventRegistration: true,
      dependencyInterval: 10,
      middlewares: [failover.middleware(), vitalsMiddleware(vitals)],
      errorHandler: failover.errorHandler(),
    } as never);
    broker.createService({
      name: "listener",
      events: {
        "node-host.service": (ctx: { params: SlotState & { event: string } }) =>
          void told.push(`${ctx.params.name} ${ctx.params.event} ${ctx.params.incarnation}`),
      },
    } as never);
    broker.createService(
      nodeHost(broker, {
        vitals,
        failover,
        root: folder,
        services: folder,
        shutdown: (timeout) => void shutdowns.push(timeout),
      }),
    );
    await broker.start();
  });
  afterEach(async () => {
    await broker.stop();
    rmSync(folder, { recursive: true });
  });

  /** A service whose life is written into a file; `body` is the rest of its schema. */
  const put = (name: string, body: string) => {
    const record = JSON.stringify(join(folder, `${name}.txt`));
    writeFileSync(
      join(folder, `${name}.service.cjs`),
      `const note = (what) => require("node:fs").appendFileSync(${record}, what + "\\n");
       const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
       module.exports = { name: "${name}", ${body} };`,
    );
  };
  const notes = (name: string) => {
    try {
      return readFileSync(join(folder, `${name}.txt`), "utf8")
        .trim()
        .split("\n");
    } catch {
      return [];
    }
  };
  const command = <T = SlotState>(action: string, params: object = {}) =>
    broker.call(`node-host.${action}`, { epoch: 1, ...params }) as Promise<T>;
  const load = (name: string, more: object = {}) =>
    command("load", { name, file: `${name}.service.cjs`, incarnation: 1, ...more });
  const slots = async () =>
    (await command<{ slots: SlotState[] }>("state")).slots.map(({ name, status }) => `${name} ${status}`);

  test("loads a service, and answers when it has started, with its health", async () => {
    put(
      "ledger",
      'actions: { get: () => 1, health: () => ({ status: "degraded", checks: { disk: "slow" } }) }, async started() { await sleep(30); note("started"); }',
    );
    expect(await load("ledger")).toMatchObject({
      name: "ledger",
      node: "heart-1",
      pid: process.pid,
      status: "started",
      incarnation: 1,
      health: { status: "degraded", checks: { disk: "slow" } },
    });
    expect(notes("ledger")).toEqual(["started"]);
    expect(await broker.call("ledger.get")).toBe(1);
    expect(told).toEqual(["ledger started 1"]);
  });

  test("loads what runs already only once", async () => {
    put("ledger", 'created() { note("created"); }');
    await load("ledger");
    expect(await load("ledger", { incarnation: 2 })).toMatchObject({ status: "started", incarnation: 1 });
    expect(notes("ledger")).toEqual(["created"]);
  });

  test.each([
    ["whose start throws", 'async started() { throw new Error("no disk"); }', "no disk"],
    ["that does not load", "...nonsense", "nonsense is not defined"],
  ])("tells why of a service %s, and keeps nothing of it", async (_what, body, why) => {
    put("ledger", `actions: { get: () => 1 }, ${body}`);
    await expect(load("ledger")).rejects.toMatchObject({
      type: "START_FAILED",
      message: `ledger did not start: ${why}`,
    });
    expect(await slots()).toEqual(["ledger failed"]);
    expect(broker.getLocalService("ledger")).toBeUndefined();
    expect(broker.registry.actions.isAvailable("ledger.get")).toBe(false);
    expect(told).toEqual(["ledger failed 1"]);
    expect(await command<unknown[]>("health", { timeout: 2000 })).toMatchObject([
      { name: "ledger", status: "unhealthy", checks: { start: why } },
    ]);
  });

  test("tries a service anew that did not start", async () => {
    put(
      "ledger",
      'async started() { note("try"); if (require("node:fs").existsSync(__filename + ".bad")) throw new Error("no"); }',
    );
    const bad = join(folder, "ledger.service.cjs.bad");
    writeFileSync(bad, "");
    await expect(load("ledger")).rejects.toMatchObject({ type: "START_FAILED" });
    const restart = (incarnation: number) => command("restart", { name: "ledger", incarnation, fresh: false });
    await expect(restart(2)).rejects.toMatchObject({ type: "START_FAILED" });
    rmSync(bad);
    expect(await restart(3)).toMatchObject({ status: "started", incarnation: 3 });
    expect(notes("ledger")).toHaveLength(3);
  });

  test("refuses commands of a replaced orchestrator, and takes those of the newest", async () => {
    put("ledger", "");
    await load("ledger", { epoch: 5 });
    for (const action of ["load", "unload", "restart", "shutdown"]) {
      const params = { epoch: 4, name: "ledger", file: "x", incarnation: 1, fresh: false };
      await expect(broker.call(`node-host.${action}`, params)).rejects.toMatchObject({ type: "STALE_EPOCH" });
    }
    expect(await command<{ epoch: number }>("state")).toMatchObject({ epoch: 5 });
    await command("unload", { epoch: 5, name: "ledger" });
    expect([await slots(), shutdowns]).toEqual([[], []]);
  });

  test("lets calls in flight finish before it stops a service, and takes no new ones", async () => {
    put(
      "ledger",
      'actions: { slow: async () => { await sleep(120); note("answered"); return 7; } }, stopped() { note("stopped"); }',
    );
    await load("ledger");
    const call = broker.call("ledger.slow");
    const unloaded = command("unload", { name: "ledger" });
    await sleep(20);
    await expect(broker.call("ledger.slow")).rejects.toThrow();
    expect(await call).toBe(7);
    await unloaded;
    expect(notes("ledger")).toEqual(["answered", "stopped"]);
    expect([told.at(-1), await slots()]).toEqual(["ledger stopped 1", []]);
  });

  test("waits for calls in flight no longer than it is told", async () => {
    put("ledger", "actions: { never: () => new Promise(() => {}) }");
    await load("ledger");
    void broker.call("ledger.never").catch(() => {});
    const since = Date.now();
    await command("unload", { name: "ledger", drainTimeout: 50 });
    expect(Date.now() - since).toBeLessThan(3000);
    expect(await slots()).toEqual([]);
  });

  test("restarts a service in its process, and none of its calls fails", async () => {
    const version = join(folder, "version");
    put(
      "ledger",
      `actions: { version() { return this.known; } }, created() { this.known = Number(require("node:fs").readFileSync(${JSON.stringify(version)})); }, async started() { await sleep(50); }`,
    );
    writeFileSync(version, "1");
    await load("ledger");
    writeFileSync(version, "2");
    const answers: unknown[] = [];
    let stop = false;
    const caller = (async () => {
      while (!stop) {
        answers.push(await broker.call("ledger.version").catch((error) => error));
        await sleep(1);
      }
    })();
    const outcome = await command("restart", { name: "ledger", incarnation: 2, fresh: false });
    await sleep(20);
    stop = true;
    await caller;
    expect(outcome).toMatchObject({ status: "started", incarnation: 2 });
    expect(new Set(answers)).toEqual(new Set([1, 2]));
  });

  test("restarts a service although its end throws", async () => {
    put("ledger", 'actions: { get: () => 1 }, async stopped() { throw new Error("stuck"); }');
    await load("ledger");
    expect(await command("restart", { name: "ledger", incarnation: 2, fresh: false })).toMatchObject({
      status: "started",
    });
    expect(await broker.call("ledger.get")).toBe(1);
  });

  test("restarts nothing twice at once, and nothing that it does not carry", async () => {
    put("ledger", "async started() { await sleep(400); }");
    const loading = load("ledger");
    await sleep(20);
    const restart = (name: string) => command("restart", { name, incarnation: 2, fresh: false });
    await expect(restart("ledger")).rejects.toMatchObject({ type: "CONFLICT" });
    await expect(restart("nobody")).rejects.toMatchObject({ type: "SERVICE_UNKNOWN" });
    await loading;
  });

  test("drops a service that was unloaded while it started", async () => {
    put("ledger", 'actions: { get: () => 1 }, async started() { await sleep(400); }, stopped() { note("stopped"); }');
    const loading = load("ledger").catch((error) => error);
    await sleep(30);
    await command("unload", { name: "ledger" });
    expect(await loading).toMatchObject({ type: "CONFLICT" });
    expect([notes("ledger"), await slots()]).toEqual([["stopped"], []]);
    expect(broker.getLocalService("ledger")).toBeUndefined();
  });

  test("has one life of a service only, though it is loaded again while a dropped one still starts", async () => {
    put(
      "ledger",
      'actions: { get: () => 1 }, async started() { note("start"); await sleep(400); }, stopped() { note("stop"); }',
    );
    const first = load("ledger").catch((error) => error);
    await sleep(30);
    await command("unload", { name: "ledger" });
    expect(await load("ledger", { incarnation: 2 })).toMatchObject({ status: "started", incarnation: 2 });
    await first;
    await sleep(100);
    expect(notes("ledger")).toEqual(["start", "stop", "start"]);
    expect(await broker.call("ledger.get")).toBe(1);
    expect(broker.services.filter(({ name }) => name === "ledger")).toHaveLength(1);
  });

  test("calls a service ill that was destroyed without its host knowing, and starts it again", async () => {
    put("lost", "actions: { get: () => 1 }");
    await load("lost");
    await broker.destroyService(broker.getLocalService("lost"));
    expect(await command<unknown[]>("health", { timeout: 2000 })).toMatchObject([
      { name: "lost", status: "unhealthy", checks: { service: "it is no longer in its node's broker" } },
    ]);
    await command("restart", { name: "lost", incarnation: 2, fresh: false });
    expect(await command<unknown[]>("health", { timeout: 2000 })).toMatchObject([{ name: "lost", status: "healthy" }]);
    expect(await broker.call("lost.get")).toBe(1);
  });

  test("asks all services how they are; the late ones are told as late", async () => {
    put("well", "");
    put("ill", 'actions: { health: () => { throw new Error("no disk"); } }');
    put("slow", "actions: { health: () => new Promise(() => {}) }");
    put("odd", 'actions: { health: () => ({ status: "fine" }) }');
    await Promise.all([load("well"), load("ill"), load("odd")]);
    void load("slow");
    await sleep(50);
    const answers = await command<{ name: string; status: string; late?: boolean; checks: object }[]>("health", {
      timeout: 400,
    });
    const of = Object.fromEntries(answers.map((answer) => [answer.name, answer]));
    expect(of["well"]).toMatchObject({ status: "healthy", incarnation: 1, responseTime: 0 });
    expect(of["ill"]).toMatchObject({ status: "unhealthy", checks: { health: "no disk" } });
    expect(of["odd"]!.status).toBe("healthy");
    expect(of["slow"]).toMatchObject({
      status: "unhealthy",
      late: true,
      checks: { health: "no answer within 400 ms" },
    });
  });

  test("waits for the dependencies of a service under their real names, and not for programs", async () => {
    put("shop", 'dependencies: ["purse", "tool"]');
    const loading = load("shop", { renamed: { purse: "wallet", tool: "" } });
    await sleep(40);
    expect(await slots()).toEqual(["shop starting"]);
    put("wallet", "");
    await load("wallet");
    expect(await loading).toMatchObject({ status: "started" });
  });

  test("ends its process on command, after having answered", async () => {
    await command("shutdown", { drainTimeout: 123 });
    while (shutdowns.length === 0) await sleep(5);
    expect(shutdowns).toEqual([123]);
  });

  test("refuses commands with wrong parameters", async () => {
    for (const params of [{ epoch: -1 }, { epoch: "1" }, { name: "" }, { name: "x".repeat(201) }])
      await expect(command("unload", { name: "ledger", ...params })).rejects.toMatchObject({
        type: "VALIDATION_ERROR",
      });
  });
});
