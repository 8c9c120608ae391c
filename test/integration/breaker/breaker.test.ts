import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type Context, Errors, ServiceBroker, type ServiceSchema } from "moleculer";
import { CircuitBreakers } from "../../../runtime/breaker/circuit-breakers.ts";
import { Failover } from "../../../runtime/failover/failover.ts";
import { LostCalls } from "../../../runtime/vitals/lost-calls.ts";
import { FakeClock } from "../../support/fake-clock.ts";

type Mood = "well" | "silent" | "failing" | "refusing";

/** A broker as a node has it, as far as its calls go. */
class Node {
  readonly breakers: CircuitBreakers;
  readonly broker: ServiceBroker;
  readonly lost = new LostCalls();
  readonly failover = new Failover(this.lost);

  constructor(id: string, clock: FakeClock, options: { maxCallers?: number } = {}) {
    this.breakers = new CircuitBreakers({ clock, lost: this.lost, ...options });
    this.broker = new ServiceBroker({
      nodeID: id,
      namespace: `breaker-${process.pid}`,
      transporter: { type: "Fake" } as never,
      logger: false,
      requestTimeout: 250,
      transit: { serviceChangedDebounceTime: 10 },
      registry: { stopDelay: 0 },
      skipProcessEventRegistration: true,
      middlewares: [this.failover.middleware()],
      errorHandler: this.failover.errorHandler(),
    } as never);
    const { middlewares } = this.broker as unknown as { middlewares: { add(middleware: object): void } };
    middlewares.add(this.breakers.middleware(this.broker));
  }
}

describe("the circuit breakers of a node", () => {
  let clock: FakeClock;
  let caller: Node;
  let one: Node;
  let two: Node;
  let moods: Record<string, Mood>;
  let runs: string[];
  beforeEach(() => {
    clock = new FakeClock();
    moods = {};
    runs = [];
    [caller, one, two] = [new Node("caller", clock), new Node("one", clock), new Node("two", clock)];
  });
  afterEach(() => Promise.all([caller, one, two].map(({ broker }) => broker.stop())));

  const ledger = (node: string): ServiceSchema => {
    const behave = (what: string) => (ctx: Context) => {
      runs.push(`${what} ${node}`);
      const mood = moods[node] ?? "well";
      (ctx.meta as Record<string, string>)["by"] = node;
      if (mood === "silent") return new Promise(() => {});
      if (mood === "failing") throw new Error("no such table");
      if (mood === "refusing") throw new Errors.MoleculerClientError("no such account", 404, "NO_ACCOUNT");
      return node;
    };
    return {
      name: "ledger",
      actions: { add: behave("add"), look: () => `look at ${node}`, health: behave("health") },
    };
  };
  const start = async (...where: Node[]) => {
    for (const { broker } of where) broker.createService(ledger(broker.nodeID));
    await Promise.all([caller, one, two].map(({ broker }) => broker.start()));
    for (const { broker } of where)
      while (!caller.broker.registry.getActionEndpointByNodeId("ledger.add", broker.nodeID)) await sleep(5);
  };
  const typeOf = (call: Promise<unknown>): Promise<unknown> =>
    call.then(
      (answer) => answer,
      (error) => error.type ?? error.message,
    );
  const add = (node = caller, opts: object = {}) => typeOf(node.broker.call("ledger.add", {}, opts));

  test("open by time-outs of a handler that never answers, and then fail at once", async () => {
    await start(one);
    moods["one"] = "silent";
    for (let i = 0; i < 3; i++) expect(await add()).toBe("REQUEST_TIMEOUT");
    expect(caller.breakers.states()).toEqual([
      {
        caller: "caller",
        callee: "ledger",
        node: "one",
        state: "open",
        failures: 3,
        since: clock.now(),
        reason: "REQUEST_TIMEOUT of ledger.add",
      },
    ]);
    const since = performance.now();
    const error = await caller.broker.call("ledger.add").catch((caught: unknown) => caught);
    expect(performance.now() - since).toBeLessThan(200);
    expect(error).toMatchObject({
      type: "CIRCUIT_OPEN",
      code: 503,
      data: { action: "ledger.add", service: "ledger", nodeID: "one", retryAfter: 60 },
    });
    expect(runs).toHaveLength(3);
  });

  test("let exactly one call through after their time, and all again once it is answered", async () => {
    await start(one);
    moods["one"] = "failing";
    for (let i = 0; i < 3; i++) await add();
    moods["one"] = "silent";
    clock.advance(60_000);
    expect((await Promise.all([add(), add(), add()])).sort()).toEqual([
      "CIRCUIT_OPEN",
      "CIRCUIT_OPEN",
      "REQUEST_TIMEOUT",
    ]);
    moods["one"] = "well";
    expect(await add()).toBe("CIRCUIT_OPEN");
    clock.advance(60_000);
    expect(caller.breakers.states()).toMatchObject([{ state: "half-open", failures: 4 }]);
    expect([await add(), await add(), caller.breakers.states()]).toEqual(["one", "one", []]);
  });

  test("count time-outs of services of the same node as well", async () => {
    await start(caller);
    moods["caller"] = "silent";
    expect([await add(), await add(), await add(), await add()]).toEqual([
      ...Array(3).fill("REQUEST_TIMEOUT"),
      "CIRCUIT_OPEN",
    ]);
  });

  test("send calls to another instance, with their meta, while one is open", async () => {
    await start(one, two);
    moods["one"] = "failing";
    let failed = 0;
    for (let i = 0; i < 40; i++) {
      const meta: Record<string, string> = {};
      if ((await add(caller, { meta })) !== "two") failed++;
      else expect(meta["by"]).toBe("two");
    }
    expect(failed).toBe(3);
    expect(runs.filter((run) => run === "add one")).toHaveLength(3);
  });

  test("send calls away from an instance of the same node", async () => {
    await start(caller, one);
    moods["caller"] = "failing";
    expect([await add(), await add(), await add(), await add(), await add()]).toEqual([
      ...Array(3).fill("no such table"),
      "one",
      "one",
    ]);
  });

  test("leave a call alone that is for a certain node", async () => {
    await start(one, two);
    moods["one"] = "failing";
    for (let i = 0; i < 3; i++) await add(caller, { nodeID: "one" });
    expect([await add(caller, { nodeID: "one" }), await add(caller, { nodeID: "two" })]).toEqual([
      "CIRCUIT_OPEN",
      "two",
    ]);
  });

  test("do not open by a client's mistakes, which reset nothing either", async () => {
    await start(one);
    moods["one"] = "refusing";
    for (let i = 0; i < 10; i++) expect(await add()).toBe("NO_ACCOUNT");
    expect(caller.breakers.states()).toEqual([]);
    moods["one"] = "failing";
    await add();
    await add();
    moods["one"] = "refusing";
    await add();
    moods["one"] = "failing";
    await add();
    expect(caller.breakers.states()).toHaveLength(1);
  });

  test("of an action that fails leave the other actions of the instance alone", async () => {
    await start(one);
    moods["one"] = "failing";
    for (let i = 0; i < 3; i++) await add();
    expect(await add()).toBe("CIRCUIT_OPEN");
    expect(await caller.broker.call("ledger.look")).toBe("look at one");
    expect(caller.breakers.states()).toMatchObject([{ callee: "ledger.add", state: "open", failures: 3 }]);
    clock.advance(60_000);
    expect(await add()).toBe("no such table");
    expect(await add()).toBe("CIRCUIT_OPEN");
    moods["one"] = "well";
    clock.advance(60_000);
    expect([await add(), await add()]).toEqual(["one", "one"]);
    expect(caller.breakers.states()).toEqual([]);
  });

  test("of a silent instance spare it as a whole", async () => {
    await start(one);
    moods["one"] = "silent";
    for (let i = 0; i < 3; i++) await add();
    expect(await typeOf(caller.broker.call("ledger.look"))).toBe("CIRCUIT_OPEN");
    expect(caller.breakers.states()).toMatchObject([{ callee: "ledger", state: "open" }]);
  });

  test("part their callers", async () => {
    caller.broker.createService({
      name: "teller",
      actions: { pay: (ctx: Context) => ctx.call("ledger.add").catch((error) => Promise.resolve(error.type)) },
    });
    await start(one);
    moods["one"] = "failing";
    for (let i = 0; i < 3; i++) await caller.broker.call("teller.pay");
    expect(caller.breakers.states()).toMatchObject([{ caller: "teller", callee: "ledger.add", node: "one" }]);
    moods["one"] = "well";
    expect([await caller.broker.call("teller.pay"), await add()]).toEqual(["CIRCUIT_OPEN", "one"]);
  });

  test("do not stand before questions after someone's health, nor before what the same call passed elsewhere", async () => {
    await start(one);
    moods["one"] = "failing";
    for (let i = 0; i < 5; i++) await add();
    expect(await typeOf(caller.broker.call("ledger.health"))).toBe("no such table");
    expect(one.breakers.states()).toEqual([]);
  });

  test("begin anew with the next life of the instance", async () => {
    await start(one);
    moods["one"] = "failing";
    for (let i = 0; i < 3; i++) await add();
    moods["one"] = "well";
    expect(await add()).toBe("CIRCUIT_OPEN");
    await one.broker.destroyService(one.broker.getLocalService("ledger")!);
    while (caller.broker.registry.actions.isAvailable("ledger.add")) await sleep(5);
    expect(caller.breakers.states()).toEqual([]);
    one.broker.createService(ledger("one"));
    while (!caller.broker.registry.actions.isAvailable("ledger.add")) await sleep(5);
    expect(await add()).toBe("one");
  });

  test("share one where there are very many callers", async () => {
    await caller.broker.stop();
    caller = new Node("caller", clock, { maxCallers: 2 });
    await start(one);
    moods["one"] = "failing";
    for (const name of ["a", "b", "c", "d", "e"]) await add(caller, { caller: name });
    expect(caller.breakers.states()).toMatchObject([{ caller: "(others)", failures: 3 }]);
  });

  test("forget what they learned over a bus that was lost", async () => {
    await start(one);
    moods["one"] = "failing";
    for (let i = 0; i < 3; i++) await add();
    moods["one"] = "well";
    caller.broker.broadcastLocal("$transporter.connected", { wasReconnect: true });
    expect(await add()).toBe("one");
  });

  test("and what stands beside them count each call once that its caller has lost", async () => {
    caller.broker.createService({ name: "teller", actions: { pay: (ctx: Context) => ctx.call("ledger.add") } });
    await start(one, two);
    moods["one"] = "silent";
    moods["two"] = "silent";
    const outcomes = [];
    for (let i = 0; i < 8; i++) outcomes.push(await typeOf(caller.broker.call("teller.pay")));
    expect(outcomes).toEqual([...Array(6).fill("REQUEST_TIMEOUT"), "CIRCUIT_OPEN", "CIRCUIT_OPEN"]);
    expect(await typeOf(caller.broker.call("nobody.home"))).toBe("SERVICE_NOT_FOUND");
    expect(caller.lost.take()).toEqual([
      { service: "ledger", count: 8 },
      { service: "nobody", count: 1 },
    ]);
    moods["one"] = "refusing";
    await add(caller, { nodeID: "one" });
    expect(caller.lost.take()).toEqual([]);
  });
});
