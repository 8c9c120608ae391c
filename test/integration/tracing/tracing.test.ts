import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type BrokerOptions, type Context, Errors, ServiceBroker, type ServiceSchema } from "moleculer";
import { freePort } from "../../../runtime/free-port.ts";
import { createTracing, type Tracing } from "../../../runtime/tracing/tracing.ts";
import { VitalsRegistry, vitalsMiddleware } from "../../../runtime/vitals/action-vitals.ts";
import gateway from "../../../services/lungs/azora-api-gateway/azora-api-gateway.service.ts";
import { Collector, type ReceivedSpan } from "./collector.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const REQUEST = "0c2f1f3a-5b0e-4e9c-8e33-6a4c8e0d1b22";
const OF_REQUEST = REQUEST.replaceAll("-", "");

const shop: ServiceSchema = {
  name: "shop",
  actions: {
    buy: {
      rest: "POST /buy",
      async handler(ctx: Context) {
        const span = ctx.startSpan("count the money", { tags: { coins: 3 } });
        ctx.finishSpan(span);
        await ctx.call("ledger.add");
        await ctx.emit("shop.sold");
        return "bought";
      },
    },
    // As many services do it: not by their context, but by the broker.
    browse: async (ctx: Context) => {
      await ctx.broker.call("ledger.add");
      await ctx.broker.emit("shop.browsed", {});
    },
    fail: (ctx: Context) => ctx.call("ledger.refuse"),
    health: () => ({ status: "healthy" }),
  },
};
const ledger: ServiceSchema = {
  name: "ledger",
  actions: {
    add: () => new Promise((resolve) => setTimeout(resolve, 5)),
    refuse: () => {
      throw new Errors.MoleculerClientError("no such account", 404, "NO_ACCOUNT");
    },
  },
  events: { "shop.*": () => {} },
};

describe("traces", () => {
  let collector: Collector;
  const nodes: { broker: ServiceBroker; tracing: Tracing }[] = [];
  beforeEach(async () => {
    collector = await Collector.start();
  });
  afterEach(async () => {
    await stopNodes();
    await collector.stop();
  });

  async function stopNodes(): Promise<void> {
    await Promise.all(nodes.splice(0).map(({ broker }) => broker.stop()));
  }

  async function node(
    nodeId: string,
    rate: number,
    services: ServiceSchema[],
    options: BrokerOptions = {},
  ): Promise<ServiceBroker> {
    const config = { url: `${collector.endpoint}/v1/traces`, headers: { "x-key": "k" }, rate, attributes: {} };
    const tracing = createTracing({ config, nodeId, namespace: "shopping", organ: "heart" });
    const broker = new ServiceBroker({
      nodeID: nodeId,
      namespace: `tracing-${process.pid}`,
      transporter: { type: "Fake" } as never,
      logger: false,
      transit: { serviceChangedDebounceTime: 10 },
      middlewares: [tracing.sending],
      skipProcessEventRegistration: true,
      ...options,
    } as never);
    const { middlewares } = broker as unknown as { middlewares: { add(middleware: object): void } };
    middlewares.add(tracing.calls);
    middlewares.add(vitalsMiddleware(new VitalsRegistry()));
    for (const service of services) broker.createService(service);
    await broker.start();
    nodes.push({ broker, tracing });
    return broker;
  }

  /** What has arrived, once everybody has sent what is left. */
  async function arrived(): Promise<ReceivedSpan[]> {
    await stopNodes();
    return collector.spans.toSorted((one, other) => Number(one.start - other.start));
  }

  const parentOf = (span: ReceivedSpan, all: ReceivedSpan[]) => all.find(({ spanId }) => spanId === span.parentSpanId);

  async function pair(rate: number): Promise<ServiceBroker> {
    const [caller] = await Promise.all([node("heart-1", rate, [shop]), node("brain-1", rate, [ledger])]);
    await caller.waitForServices("ledger", 15_000, 10);
    return caller;
  }

  test("follow a request over its calls, its events and what a service adds itself", async () => {
    const caller = await pair(1);
    await caller.call("shop.buy", {}, { requestID: REQUEST });
    const spans = await arrived();
    const shown = spans.map((span) => [span.service, span.name, span.kind, parentOf(span, spans)?.name]);
    expect(shown.sort()).toEqual(
      [
        ["shop", "shop.buy", 1, undefined],
        ["shop", "count the money", 1, "shop.buy"],
        ["shop", "ledger.add", 3, "shop.buy"],
        ["ledger", "ledger.add", 2, "ledger.add"],
        ["ledger", "process shop.sold", 5, "shop.buy"],
      ].sort(),
    );
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([OF_REQUEST]));
    const served = spans.find(({ service, kind }) => service === "ledger" && kind === 2)!;
    expect(served.node).toBe("brain-1");
    expect(served.attributes).toEqual({
      "rpc.system": "moleculer",
      "rpc.service": "ledger",
      "rpc.method": "add",
      "azora.request_id": REQUEST,
      "azora.caller": "shop",
      "azora.node": "brain-1",
    });
    expect(Number(served.end - served.start) / 1e6).toBeGreaterThan(4);
    for (const span of spans) {
      const parent = parentOf(span, spans);
      if (parent) expect(span.start).toBeGreaterThanOrEqual(parent.start - 2_000_000n);
    }
    expect(collector.headers[0]!["x-key"]).toBe("k");
  });

  test("go on where a service calls and emits by the broker, without its context", async () => {
    const caller = await pair(1);
    await caller.call("shop.browse", {}, { requestID: REQUEST });
    const spans = await arrived();
    expect(spans.map(({ name, traceId }) => [name, traceId]).sort()).toEqual([
      ["ledger.add", OF_REQUEST],
      ["ledger.add", OF_REQUEST],
      ["process shop.browsed", OF_REQUEST],
      ["shop.browse", OF_REQUEST],
    ]);
    const event = spans.find(({ kind }) => kind === 5)!;
    expect(event.attributes["azora.request_id"]).toBe(REQUEST);
  });

  test("say what failed, and why", async () => {
    const caller = await pair(1);
    await expect(caller.call("shop.fail")).rejects.toThrow("no such account");
    const spans = await arrived();
    expect(spans).toHaveLength(3);
    for (const { status, attributes } of spans) {
      expect(status).toEqual({ code: 2, message: "no such account" });
      expect(attributes["error.type"]).toBe("NO_ACCOUNT");
    }
  });

  test("are of whole requests: each one with all of its spans, or with none", async () => {
    const caller = await pair(0.3);
    for (let i = 0; i < 100; i++) await caller.call("shop.buy");
    const spans = await arrived();
    const perTrace = [...Map.groupBy(spans, ({ traceId }) => traceId).values()].map((own) => own.length);
    expect(new Set(perTrace)).toEqual(new Set([5]));
    expect(perTrace.length).toBeGreaterThan(10);
    expect(perTrace.length).toBeLessThan(60);
  });

  test("are not made of what the organism asks itself all the time", async () => {
    const caller = await pair(1);
    await caller.call("$node.list");
    await caller.call("shop.health");
    await caller.emit("shop.unasked", {});
    expect(await arrived()).toEqual([]);
  });

  test("do not grow for ever by a timer that was set within a request", async () => {
    const caller = await node("heart-1", 0, [
      ledger,
      {
        name: "clock",
        actions: { wind: (ctx: Context) => void setTimeout(() => ctx.broker.call("ledger.add").catch(() => {}), 20) },
      },
    ]);
    await caller.call(
      "clock.wind",
      {},
      { parentSpan: { id: `00-${TRACE}-${SPAN}-01`, traceID: "r", sampled: true } as never },
    );
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect((await arrived()).map(({ name, parentSpanId }) => [name, parentSpanId])).toEqual([["clock.wind", SPAN]]);
  });

  test("leave a project's own tracing alone", async () => {
    const own: string[] = [];
    const broker = await node("heart-1", 1, [ledger], {
      tracing: { enabled: true, exporter: [{ type: "Event", options: { interval: 0 } }] } as never,
    });
    broker.createService({
      name: "reader",
      events: {
        "$tracing.spans": (ctx: Context<{ name: string }[]>) => void own.push(...ctx.params.map(({ name }) => name)),
      },
    });
    await broker.call("ledger.add");
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(own).toEqual(["action 'ledger.add'"]);
    expect(await arrived()).toEqual([]);
  });

  test.each(["silent", "busy"] as const)("cost nobody anything while the collector is %s", async (mood) => {
    const caller = await pair(1);
    collector.mood = mood;
    const start = performance.now();
    await Promise.all(Array.from({ length: 2000 }, () => caller.call("shop.buy")));
    expect(performance.now() - start).toBeLessThan(5000);
    const { tracing } = nodes[0]!;
    expect(tracing.stats().waiting).toBeLessThanOrEqual(4096);
    expect(tracing.stats().dropped).toBeGreaterThan(0);
    const stopping = performance.now();
    await stopNodes();
    expect(performance.now() - stopping).toBeLessThan(4000);
  });

  describe("of the gateway", () => {
    let port: number;
    const ask = (path: string, headers: Record<string, string>) =>
      fetch(`http://127.0.0.1:${port}${path}`, { method: "POST", headers });

    async function open(rate: number): Promise<void> {
      port = await freePort();
      process.env["AZORA_PORT"] = String(port);
      await node("lungs-1", rate, [gateway as unknown as ServiceSchema, shop, ledger]);
    }

    test("go on from those of its clients, sampled or not as they decided", async () => {
      await open(0);
      const answer = await ask("/api/shop/buy?secret=1", {
        traceparent: `00-${TRACE}-${SPAN}-01`,
        "x-request-id": "r",
      });
      expect(await answer.json()).toBe("bought");
      await ask("/api/shop/buy", { traceparent: `00-${TRACE.replace("4", "5")}-${SPAN}-00` });
      await ask("/api/shop/buy", { traceparent: "rubbish" });
      const spans = await arrived();
      expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
      const [edge] = spans;
      expect(edge).toMatchObject({
        service: "azora-api-gateway",
        name: "POST /api/shop/buy",
        kind: 2,
        parentSpanId: SPAN,
      });
      expect(edge!.attributes).toMatchObject({
        "http.request.method": "POST",
        "http.route": "/api/shop/buy",
        "url.path": "/api/shop/buy",
        "url.scheme": "http",
        "http.response.status_code": 200,
        "azora.request_id": "r",
      });
      expect(JSON.stringify(edge!.attributes)).not.toContain("secret");
      expect(spans.map(({ name }) => name)).toContain("ledger.add");
    });

    test("are found by the request's id, and say how it was answered", async () => {
      await open(1);
      const answer = await ask("/api/nowhere", { "x-request-id": REQUEST });
      expect(answer.status).toBe(404);
      const [edge] = await arrived();
      expect(edge).toMatchObject({ traceId: OF_REQUEST, name: "POST" });
      expect(edge!.attributes["http.response.status_code"]).toBe(404);
      expect(edge!.status).toBeUndefined();
    });
  });
});
