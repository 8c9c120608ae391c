import http from "node:http";
import net from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { Context, ServiceBroker, ServiceSchema } from "moleculer";
import { ask, freePort, Organism } from "./organism.ts";

const slow: ServiceSchema = {
  name: "slow",
  actions: {
    wait: {
      rest: "GET /:ms",
      params: { ms: "number|convert" },
      handler: (ctx: Context<{ ms: number }>) => wait(ctx.params.ms, { node: ctx.broker.nodeID }),
    },
  } as unknown as ServiceSchema["actions"],
};

let organism: Organism | undefined;
afterEach(async () => {
  await organism?.stop();
  organism = undefined;
});

/** Out of the registry first, then stopped when nothing is in flight, and the broker last. */
async function stopAsNodeHost(broker: ServiceBroker): Promise<void> {
  const service = broker.getLocalService("azora-api-gateway");
  broker.registry.unregisterService(service.fullName, broker.nodeID);
  broker.servicesChanged(true);
  const { edge } = service as unknown as { edge: { inFlight: number } };
  const end = Date.now() + 15_000;
  while (edge.inFlight > 0 && Date.now() < end) await wait(5);
  expect(edge.inFlight).toBe(0); // it takes no new ones, although its clients do not rest
  await broker.destroyService(service);
  await broker.stop();
}

async function twoGateways(): Promise<Organism> {
  organism = await Organism.start([slow]);
  await organism.node([organism.gateway({}), slow]);
  return organism;
}

describe("two gateways on one port", () => {
  test("both serve", async () => {
    const { port } = await twoGateways();
    const answers = await Promise.all(Array.from({ length: 200 }, () => ask(port, "/api/slow/1")));
    expect(new Set(answers.map(({ body }) => body.node)).size).toBe(2);
  });

  test.each([
    ["its broker", (broker: ServiceBroker) => broker.stop()],
    ["its node host, service by service", stopAsNodeHost],
  ])("stopped under load by %s, one loses no request of keep-alive clients that never retry", async (_, stop) => {
    const { port, brokers } = await twoGateways();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 24 });
    let running = true;
    let answered = 0;
    const failures: unknown[] = [];
    const clients = Array.from({ length: 24 }, async (_, n) => {
      while (running) {
        const answer = await ask(port, `/api/slow/${n % 8}`, { agent }).catch((error) => ({ status: String(error) }));
        if (answer.status === 200) answered++;
        else failures.push(answer.status);
      }
    });
    await wait(400);
    await stop(brokers[1]!);
    const before = answered;
    // The other one goes on.
    for (const end = Date.now() + 15_000; answered - before <= 100 && Date.now() < end; ) await wait(20);
    running = false;
    await Promise.all(clients);
    agent.destroy();
    expect(failures).toEqual([]);
    expect(answered - before).toBeGreaterThan(100);
  });
});

describe("a graceful stop", () => {
  test("lets a request in flight finish, tells its client to go, and is not ready meanwhile", async () => {
    organism = await Organism.start([slow]);
    const agent = new http.Agent({ keepAlive: true });
    const idle = new http.Agent({ keepAlive: true });
    await ask(organism.port, "/live", { agent: idle }); // an idle connection that stays open
    const inFlight = ask(organism.port, "/api/slow/1500", { agent });
    await wait(50);
    const stopped = organism.brokers[0]!.stop();
    await wait(10);
    expect((await ask(organism.port, "/ready", { agent: idle })).status).toBe(503);
    await wait(150); // the broker waits 100 ms for others to hear of it before its services stop
    expect(await ask(organism.port, "/ready", { agent: idle })).toMatchObject({
      status: 503,
      headers: { connection: "close" },
    });
    expect(await inFlight).toMatchObject({ status: 200, headers: { connection: "close" } });
    const start = Date.now();
    await stopped;
    expect(Date.now() - start).toBeLessThan(4_000);
    await expect(ask(organism.port, "/live")).rejects.toThrow("ECONNREFUSED");
    agent.destroy();
    idle.destroy();
  });

  test("is bounded: what takes longer is cut off", async () => {
    organism = await Organism.start([slow], { limits: { drainTimeout: 300 } });
    const answer = ask(organism.port, "/api/slow/8000").catch((error) => error.code);
    await wait(50);
    const start = Date.now();
    await organism.brokers[0]!.stop();
    expect(Date.now() - start).toBeLessThan(4_000);
    expect(await answer).toBe("ECONNRESET");
  });

  test("restarted in place, the next incarnation listens at once and the last finishes what it began", async () => {
    organism = await Organism.start([slow]);
    const broker = organism.brokers[0]!;
    const inFlight = ask(organism.port, "/api/slow/1500");
    await wait(50);
    const start = Date.now();
    await broker.destroyService(broker.getLocalService("azora-api-gateway"));
    broker.createService(organism.gateway({}));
    await broker.waitForServices("azora-api-gateway", 2_000, 5);
    expect(Date.now() - start).toBeLessThan(1_000);
    expect((await ask(organism.port, "/api/slow/1")).status).toBe(200);
    expect(await inFlight).toMatchObject({ status: 200, headers: { connection: "close" } });
  });

  test("does not wait for a client that only holds its connection", async () => {
    organism = await Organism.start([]);
    const socket = net.connect(organism.port, "127.0.0.1");
    await new Promise((resolve) => socket.once("connect", resolve));
    const start = Date.now();
    await organism.brokers[0]!.stop();
    expect(Date.now() - start).toBeLessThan(4_000);
    socket.destroy();
  });
});

test("a port held by somebody who does not share it fails the start, with holder and remedy", async () => {
  const holder = net.createServer();
  await new Promise<void>((resolve) => holder.listen(0, resolve));
  const { port } = holder.address() as net.AddressInfo;
  const other = new Organism(port);
  await expect(other.node([other.gateway({})])).rejects.toThrow(
    new RegExp(`Port ${port} is taken by .*\\(pid ${process.pid}\\); stop it, or set AZORA_PORT`),
  );
  await new Promise((resolve) => holder.close(resolve));
});

test("services of another node are routed to, described, and their errors come through", async () => {
  const namespace = `gw-${process.pid}`;
  organism = new Organism(await freePort());
  const options = { transporter: "Fake", namespace, registry: {}, requestTimeout: 2_000 };
  await organism.node([organism.gateway({})], options as never);
  const users: ServiceSchema = {
    name: "users",
    metadata: { description: "People." },
    settings: { rest: "/people" },
    actions: {
      get: {
        rest: "GET /:id",
        description: "One person.",
        params: { id: "string|min:2", $$strict: true },
        handler: (ctx: Context<{ id: string }>) => ({
          id: ctx.params.id,
          requestId: ctx.requestID,
          node: ctx.broker.nodeID,
        }),
      },
    } as unknown as ServiceSchema["actions"],
  };
  const heart = await organism.node([users], options as never);
  const end = Date.now() + 15_000;
  while ((await ask(organism.port, "/api/people/abc")).status !== 200 && Date.now() < end) await wait(20);
  const answer = await ask(organism.port, "/api/people/abc", { headers: { "x-request-id": "far-1" } });
  expect(answer.body).toEqual({ id: "abc", requestId: "far-1", node: heart.nodeID });
  const wrong = await ask(organism.port, "/api/people/a?zz=1");
  expect(wrong).toMatchObject({ status: 422, body: { detail: "Wrong parameters: id, zz" } });
  const { body } = await ask(organism.port, "/openapi.json");
  expect(body.paths["/api/people/{id}"].get).toMatchObject({
    summary: "One person.",
    tags: ["users"],
    operationId: "users.get",
  });
  await heart.stop();
  expect((await ask(organism.port, "/api/people/abc")).body.code).toBe("SERVICE_UNAVAILABLE");
});
