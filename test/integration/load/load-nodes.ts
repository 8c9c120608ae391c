import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { BrokerOptions, ServiceSchema } from "moleculer";
import { createNodeBroker, type NodeBroker } from "../../../runtime/broker.ts";
import { JsonLogger } from "../../../runtime/logger.ts";
import { Mesh } from "../../../runtime/mesh/mesh.ts";
import { nodePerformance } from "../../../runtime/performance/node-performance.ts";
import { ownIdentity } from "../../../runtime/process-identity.ts";
import { readSettings } from "../../../runtime/settings.ts";

/** Nodes of one process on a mesh of their own, with all load control. */
export class LoadNodes {
  readonly folder = mkdtempSync(join(tmpdir(), "azora-load-"));
  readonly #nodes: NodeBroker[] = [];
  readonly #meshes: Mesh[] = [];

  /** @param own configuration of a foreign project */
  async node(id: string, services: ServiceSchema[] = [], own?: BrokerOptions): Promise<NodeBroker> {
    const mesh = new Mesh({
      folder: join(this.folder, "run"),
      hello: { id, role: "node", instanceId: "", ...ownIdentity() },
    });
    const node = createNodeBroker({
      nodeId: id,
      namespace: "load",
      bus: { kind: "mesh" },
      settings: readSettings({ AZORA_DATA_DIR: this.folder }),
      logger: new JsonLogger("fatal"),
      mesh,
      metadata: {},
      ...(own ? { own } : {}),
    });
    const { broker, load, limits, door } = node;
    const { arrivals, admission } = door;
    broker.createService(nodePerformance(broker, { load, limits, arrivals, admission, dataDir: this.folder }));
    for (const service of services) broker.createService(service);
    this.#nodes.push(node);
    this.#meshes.push(mesh);
    await mesh.start();
    await broker.start();
    return node;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map(({ broker }) => broker.stop()));
    await Promise.all(this.#meshes.map((mesh) => mesh.close()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Waits until the node can call the action on so many nodes. */
export async function callable({ broker }: NodeBroker, action: string, nodes = 1): Promise<void> {
  const count = () =>
    (broker.registry.getActionEndpoints(action) as unknown as { endpoints: unknown[] } | undefined)?.endpoints.length;
  await until(`${action} is callable on ${nodes} nodes`, () => (count() ?? 0) >= nodes);
}

export async function until(what: string, condition: () => boolean, ms = 15_000): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`in vain waited until ${what}`);
    await sleep(5);
  }
}

/** Type of the error that a call ends with, or its answer. */
export const outcome = (call: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(call).catch((error: { type?: string; name: string; message: string }) => error.type || error.message);
