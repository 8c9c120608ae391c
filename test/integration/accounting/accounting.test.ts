import { EventEmitter } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Middleware, ServiceBroker } from "moleculer";
import { Accounting } from "../../../runtime/accounting/accounting.ts";
import { nodeAccounting } from "../../../runtime/accounting/node-accounting.ts";
import { createNodeBroker } from "../../../runtime/broker.ts";
import type { Bus } from "../../../runtime/bus.ts";
import { Faults } from "../../../runtime/faults/faults.ts";
import { JsonLogger } from "../../../runtime/logger.ts";
import { Mesh } from "../../../runtime/mesh/mesh.ts";
import { ownIdentity } from "../../../runtime/process-identity.ts";
import type { Recorder } from "../../../runtime/record/recorder.ts";
import { readSettings } from "../../../runtime/settings.ts";
import { Reconciler } from "../../../services/immune/blockchain-logger/reconcile/reconciler.ts";
import { findNatsServer, NatsServer, newServerState } from "../../../spine/nats-server.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { describeWith } from "../../support/needs.ts";

type Publish = (packet: { type: string }) => Promise<unknown>;

/** Real brokers that count by a clock which is turned by hand, and a log in memory. */
class CountedNodes {
  readonly folder: string;
  readonly clock = new FakeClock(1_790_000_000_000);
  readonly brokers = new Map<string, ServiceBroker>();
  readonly faults = new Map<string, Faults>();
  readonly meshes: Mesh[] = [];
  readonly reconciler: Reconciler;
  /** What a middleware of node `a` does with what it sends. */
  losesAtSource: (packet: { type: string }) => boolean = () => false;
  got: string[] = [];
  readonly #bus: Bus;
  #size = 0;

  constructor(folder: string, bus: Bus) {
    this.folder = folder;
    this.#bus = bus;
    this.reconciler = new Reconciler({
      clock: this.clock,
      node: "b",
      record: async (eventType, data) => this.#append(eventType, data),
      ask: (node, asked) =>
        this.brokers
          .get("b")!
          .call("node-accounting.report", { asked }, { nodeID: node })
          .catch(() => {}),
      logger: { warn() {} },
    });
  }

  async start(id: string, options: { counts: boolean }): Promise<ServiceBroker> {
    const mesh = new Mesh({
      folder: join(this.folder, "run"),
      hello: { id, role: "node", instanceId: "", ...ownIdentity() },
    });
    const faults = new Faults(this.folder);
    const accounting = options.counts ? new Accounting(this.clock) : undefined;
    const loses: Middleware = {
      name: "Loses",
      transitPublish: (next: Publish): Publish => {
        return (packet) => (id === "a" && this.losesAtSource(packet) ? Promise.resolve() : next(packet));
      },
    } as unknown as Middleware;
    const { broker } = createNodeBroker({
      nodeId: id,
      namespace: "accounting",
      bus: this.#bus,
      settings: readSettings({}),
      logger: new JsonLogger("fatal"),
      mesh,
      metadata: {},
      innermost: [faults.middleware(), loses],
      ...(accounting ? { accounting } : {}),
    });
    if (accounting) {
      accounting.start(this.#recorder(broker));
      broker.createService(nodeAccounting(accounting));
    }
    broker.createService({
      name: `shop-${id}`,
      actions: { buy: () => "sold" },
      events: { [`bought-at-${id}`]: () => void this.got.push(id), "news.all": () => void this.got.push(id) },
    });
    await mesh.start();
    await broker.start();
    this.brokers.set(id, broker);
    this.faults.set(id, faults);
    this.meshes.push(mesh);
    for (const one of this.brokers.values())
      await one.waitForServices([...this.brokers.keys()].map((name) => `shop-${name}`));
    return broker;
  }

  async stop(): Promise<void> {
    for (const broker of this.brokers.values()) await broker.stop();
    for (const mesh of this.meshes) await mesh.close();
  }

  /** Lets so many seconds pass. What the brokers do takes real time. */
  async pass(seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i++) {
      this.clock.advance(1000);
      await sleep(4);
      this.reconciler.tick();
      await sleep(1);
    }
  }

  get report() {
    return this.reconciler.report();
  }

  #recorder({ nodeID: node, instanceID: instance }: ServiceBroker): Recorder {
    let seq = 0;
    const durable = async (eventType: string, payload: object) => {
      this.#append(
        eventType,
        JSON.parse(JSON.stringify({ payload, source: { node, instance, epoch: 1, seq: seq++ } })),
      );
      return "";
    };
    const stats = () => ({ waiting: { outbox: 0, memory: 0 } });
    return Object.assign(new EventEmitter(), { durable, stats }) as unknown as Recorder;
  }

  #append(eventType: string, data: Record<string, unknown>): void {
    this.reconciler.entry({ index: this.#size++, eventType, data });
  }
}

const NONE = { calls: 0, events: 0, entries: 0, reports: 0 };

function accountingOn(bus: (folder: string) => Promise<{ bus: Bus; end(): Promise<void> }>): void {
  let nodes: CountedNodes;
  let end: () => Promise<void>;
  let [a, b] = [{} as ServiceBroker, {} as ServiceBroker];
  beforeEach(async () => {
    const folder = mkdtempSync(join(tmpdir(), "azora-accounting-"));
    const made = await bus(folder);
    end = made.end;
    nodes = new CountedNodes(folder, made.bus);
    a = await nodes.start("a", { counts: true });
    b = await nodes.start("b", { counts: true });
  });
  afterEach(async () => {
    await nodes.stop();
    await end();
    rmSync(nodes.folder, { recursive: true });
  });

  test("calls, events and broadcasts between nodes are accounted for, and calls within a node and by guests are not counted", async () => {
    const guest = await nodes.start("guest", { counts: false });
    for (let i = 0; i < 20; i++) {
      expect(await a.call("shop-b.buy")).toBe("sold");
      await b.call("shop-a.buy");
      await a.call("shop-a.buy");
      await guest.call("shop-a.buy");
      await a.call("shop-guest.buy");
    }
    for (let i = 0; i < 10; i++) await a.emit("bought-at-b", {});
    await a.broadcast("news.all", {});
    await nodes.pass(40);
    expect(nodes.got.filter((id) => id === "b")).toHaveLength(11);
    expect(nodes.report).toMatchObject({ missing: NONE, extra: NONE, declared: NONE, gaps: [], open: [] });
    expect(nodes.report.matched).toMatchObject({ calls: 40, events: 11 });
  });

  test("what a middleware of the sender loses is located", async () => {
    await a.emit("bought-at-b", { order: 1 });
    nodes.losesAtSource = ({ type }) => type === "EVENT";
    await a.emit("bought-at-b", { order: 2 });
    nodes.losesAtSource = () => false;
    await a.emit("bought-at-b", { order: 3 });
    await nodes.pass(60);
    expect(nodes.got).toHaveLength(2);
    expect(nodes.report.gaps).toEqual([
      expect.objectContaining({ kind: "missing", from: "a", to: "b", epoch: 179_000_000, events: 1 }),
    ]);
    expect(nodes.report).toMatchObject({ extra: NONE, declared: NONE, open: [] });
  });

  test("calls that the bus loses are located, and their callers have noticed", async () => {
    await a.call("shop-b.buy");
    await nodes.pass(12);
    const fault = await nodes.faults
      .get("b")!
      .begin("run", "b", 10_000, { kind: "drop-messages", peer: "a", share: 1 });
    for (let i = 0; i < 2; i++) await expect(a.call("shop-b.buy", {}, { timeout: 50 })).rejects.toThrow("timed out");
    await nodes.faults.get("b")!.undo({ run: fault.run });
    await a.call("shop-b.buy");
    await nodes.pass(60);
    expect(nodes.report.gaps).toEqual([
      expect.objectContaining({ kind: "missing", from: "a", to: "b", epoch: 179_000_001, calls: 2, unanswered: 2 }),
    ]);
    expect(nodes.report.matched.calls).toBe(2);
  });

  test("a node that is stopped and starts again gives no alarm", async () => {
    for (let i = 0; i < 5; i++) await b.call("shop-a.buy");
    await nodes.pass(3);
    await a.stop();
    await nodes.meshes[0]!.close();
    await nodes.pass(5);
    a = await nodes.start("a", { counts: true });
    for (let i = 0; i < 5; i++) await b.call("shop-a.buy");
    await nodes.pass(60);
    expect(nodes.report).toMatchObject({ missing: NONE, extra: NONE, declared: NONE, open: [] });
    expect(nodes.report.matched.calls).toBe(10);
  });
}

describe("accounting over the mesh", () => accountingOn(async () => ({ bus: { kind: "mesh" }, async end() {} })));

describeWith("nats-server", "accounting over NATS", () =>
  accountingOn(async (folder) => {
    const organism = { namespace: "n", dataDir: folder, logDir: folder, runFolder: join(folder, "run"), dev: false };
    const server = new NatsServer(organism, findNatsServer()!, await newServerState(), () => {});
    await server.start();
    return { bus: { kind: "nats", url: server.url }, end: () => server.stop() };
  }),
);
