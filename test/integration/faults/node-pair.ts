import { join } from "node:path";
import type { ServiceBroker } from "moleculer";
import { createNodeBroker } from "../../../runtime/broker.ts";
import type { Bus } from "../../../runtime/bus.ts";
import { type ActiveFault, Faults } from "../../../runtime/faults/faults.ts";
import { nodeFaults } from "../../../runtime/faults/node-faults.ts";
import { JsonLogger } from "../../../runtime/logger.ts";
import { Mesh } from "../../../runtime/mesh/mesh.ts";
import { nodeHost } from "../../../runtime/node-host/node-host.ts";
import { ownIdentity } from "../../../runtime/process-identity.ts";
import { readSettings } from "../../../runtime/settings.ts";

/** Nodes `a` and `b`, each with faults; `a` also carries who says which runs are under way. */
export class NodePair {
  readonly folder: string;
  readonly brokers: Record<string, ServiceBroker> = {};
  readonly meshes: Record<string, Mesh> = {};
  running = ["run-1"];
  readonly #bus: Bus;

  constructor(folder: string, bus: Bus = { kind: "mesh" }) {
    this.folder = folder;
    this.#bus = bus;
  }

  async start(): Promise<void> {
    for (const id of ["a", "b"]) await this.#node(id);
    await this.brokers["a"]!.waitForServices(["worker-b"], 15_000);
    await this.brokers["b"]!.waitForServices(["worker-a", "chaos-monkey"], 15_000);
  }

  async stop(): Promise<void> {
    for (const id of ["a", "b"]) {
      await this.brokers[id]!.stop();
      await this.meshes[id]!.close();
    }
  }

  inject(node: string, fault: object, duration = 5000, run = "run-1"): Promise<ActiveFault> {
    const call = this.brokers["a"]!.call("node-faults.inject", { run, duration, fault }, { nodeID: node });
    return call as Promise<ActiveFault>;
  }

  undo(node: string, run = "run-1"): Promise<string[]> {
    return this.brokers["a"]!.call("node-faults.undo", { run }, { nodeID: node }) as Promise<string[]>;
  }

  active(node: string): Promise<ActiveFault[]> {
    return this.brokers["a"]!.call("node-faults.active", {}, { nodeID: node }) as Promise<ActiveFault[]>;
  }

  /** What the worker of a node answers to node `a`, or why it does not. */
  workOn(node: string, timeout = 1000): Promise<unknown> {
    return this.brokers["a"]!.call(`worker-${node}.work`, {}, { timeout }).catch(
      (error: { type?: string; message: string }) => error.type ?? error.message,
    );
  }

  async #node(id: string): Promise<void> {
    const mesh = new Mesh({
      folder: join(this.folder, "run"),
      hello: { id, role: "node", instanceId: "", ...ownIdentity() },
    });
    const faults = new Faults(this.folder);
    const { broker, vitals, failover, ...more } = createNodeBroker({
      nodeId: id,
      namespace: "faults",
      bus: this.#bus,
      settings: readSettings({}),
      logger: new JsonLogger("fatal"),
      mesh,
      metadata: {},
      innermost: [faults.middleware()],
    });
    const options = { vitals, failover, ...more, root: this.folder, services: this.folder, shutdown: () => {} };
    broker.createService(nodeHost(broker, options as never));
    broker.createService(nodeFaults(broker, faults, this.folder));
    broker.createService({
      name: `worker-${id}`,
      actions: {
        work: () => `done on ${id}`,
        ask: (ctx) => ctx.call(id === "a" ? "worker-b.work" : "worker-a.work"),
        health: () => ({ status: "healthy", checks: {} }),
      },
    });
    if (id === "a")
      broker.createService({
        name: "chaos-monkey",
        actions: { confirm: (ctx: { params: { run: string } }) => this.running.includes(ctx.params.run) },
      });
    this.brokers[id] = broker;
    this.meshes[id] = mesh;
    await mesh.start();
    await broker.start();
  }
}
