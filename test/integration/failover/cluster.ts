import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ServiceBroker } from "moleculer";
import { createNodeBroker } from "../../../runtime/broker.ts";
import type { Bus } from "../../../runtime/bus.ts";
import type { Failover } from "../../../runtime/failover/failover.ts";
import { JsonLogger } from "../../../runtime/logger.ts";
import { Mesh } from "../../../runtime/mesh/mesh.ts";
import { ownIdentity } from "../../../runtime/process-identity.ts";
import { readSettings } from "../../../runtime/settings.ts";

/** A calling node in this process, and worker nodes in processes of their own. */
export class Cluster {
  readonly folder = mkdtempSync(join(tmpdir(), "azora-cluster-"));
  readonly #record = join(this.folder, "runs.txt");
  readonly #nodes = new Map<string, ChildProcess>();
  readonly #children: ChildProcess[] = [];
  readonly #bus: Bus;
  readonly mesh: Mesh;
  readonly broker: ServiceBroker;
  readonly failover: Failover;

  constructor(bus: Bus = { kind: "mesh" }) {
    this.#bus = bus;
    writeFileSync(this.#record, "");
    this.mesh = new Mesh({
      folder: this.folder,
      hello: { id: "caller", role: "node", instanceId: "", ...ownIdentity() },
    });
    const { broker, failover } = createNodeBroker({
      nodeId: "caller",
      namespace: "failover",
      bus,
      settings: readSettings({}),
      logger: new JsonLogger("fatal"),
      mesh: this.mesh,
      metadata: {},
    });
    this.broker = broker;
    this.failover = failover;
  }

  async start(...nodes: string[]): Promise<void> {
    await this.mesh.start();
    await this.broker.start();
    await Promise.all(nodes.map((id) => this.node(id)));
  }

  async node(id: string): Promise<void> {
    const start = await this.prepared(id);
    start();
    await this.until(
      `${id} is callable`,
      () => this.broker.registry.getActionEndpointByNodeId("worker.quick", id) != null,
    );
  }

  /** A process that has loaded everything; the node starts when what this gives is called, within milliseconds. */
  async prepared(id: string): Promise<() => void> {
    const args = [
      join(import.meta.dirname, "node-process.ts"),
      this.folder,
      id,
      this.#record,
      JSON.stringify(this.#bus),
    ];
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...args], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#children.push(child);
    await once(child.stdout!, "data");
    return () => {
      this.#nodes.set(id, child);
      child.stdin!.end();
    };
  }

  kill(id: string): void {
    this.#nodes.get(id)!.kill("SIGKILL");
  }

  /** What ran so far, as `action node`. */
  runs(): string[] {
    return readFileSync(this.#record, "utf8").trim().split("\n").filter(Boolean);
  }

  /** Waits until a call of the action runs, and tells where. */
  async runningOn(action: string): Promise<string> {
    let found: string | undefined;
    await this.until(`${action} runs`, () => {
      found = this.runs().find((run) => run.startsWith(`${action} `));
      return found !== undefined;
    });
    return found!.split(" ")[1]!;
  }

  async until(what: string, condition: () => boolean, ms = 15_000): Promise<void> {
    const end = Date.now() + ms;
    while (!condition()) {
      if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
      await sleep(2);
    }
  }

  async stop(): Promise<void> {
    await this.broker.stop();
    await this.mesh.close();
    for (const child of this.#children) child.kill("SIGKILL");
    rmSync(this.folder, { recursive: true });
  }
}

/** The error of a call that is to fail. */
export function failureOf(call: Promise<unknown>): Promise<{ type: string; retryable?: boolean; data?: unknown }> {
  return call.then(
    () => ({ type: "it did not fail" }),
    (error) => error,
  );
}
