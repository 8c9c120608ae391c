import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ServiceBroker } from "moleculer";
import { Failover } from "../../../runtime/failover/failover.ts";
import { nodeHost } from "../../../runtime/node-host/node-host.ts";
import { VitalsRegistry, vitalsMiddleware } from "../../../runtime/vitals/action-vitals.ts";
import type { WorkerPoolOptions } from "../../../runtime/workers/worker-pool.ts";
import { Workers } from "../../../runtime/workers/workers.ts";

/** A node with worker threads, and services that are written into files as a project has them. */
export class WorkerNode {
  readonly folder = mkdtempSync(join(tmpdir(), "azora-workers-"));
  readonly lines: string[] = [];
  readonly workers: Workers;
  readonly broker: ServiceBroker;
  #incarnation = 0;

  constructor(pool: Partial<WorkerPoolOptions> = {}, memory = 128) {
    writeFileSync(join(this.folder, "package.json"), "{}");
    symlinkSync(resolve("node_modules"), join(this.folder, "node_modules"));
    const vitals = new VitalsRegistry();
    const failover = new Failover();
    this.workers = new Workers({
      root: this.folder,
      foreign: false,
      memory,
      pool: { threads: 2, grace: 150, ...pool },
    });
    const write =
      (level: string) =>
      (...args: unknown[]) =>
        void this.lines.push(
          `${level} ${args.map((arg) => (arg instanceof Error ? arg.message : String(arg))).join(" ")}`,
        );
    const logger = {
      fatal: write("fatal"),
      error: write("error"),
      warn: write("warn"),
      info: write("info"),
      debug() {},
      trace() {},
    };
    this.broker = new ServiceBroker({
      nodeID: "muscles-1",
      skipProcessEventRegistration: true,
      dependencyInterval: 10,
      requestTimeout: 5000,
      middlewares: [failover.middleware(), this.workers.middleware(), vitalsMiddleware(vitals)],
      errorHandler: failover.errorHandler(),
      internalServices: false,
      logger: false,
    } as never);
    this.broker.getLogger = () => logger as never;
    this.broker.logger = logger as never;
    const { folder } = this;
    this.broker.createService(
      nodeHost(this.broker, { vitals, failover, root: folder, services: folder, shutdown() {} }),
    );
  }

  /** @param source of a CommonJS or TypeScript module that exports a service `name` */
  async load(name: string, source: string, extension = "cjs"): Promise<void> {
    this.write(name, source, extension);
    const file = `${name}.service.${extension}`;
    await this.broker.call("node-host.load", { epoch: 1, name, file, incarnation: ++this.#incarnation });
  }

  write(name: string, source: string, extension = "cjs"): void {
    writeFileSync(join(this.folder, `${name}.service.${extension}`), source);
  }

  async restart(name: string, fresh: boolean, drainTimeout = 1000): Promise<void> {
    const incarnation = ++this.#incarnation;
    await this.broker.call("node-host.restart", { epoch: 1, name, incarnation, fresh, drainTimeout });
  }

  call<T>(action: string, params: object = {}, options: object = {}): Promise<T> {
    return this.broker.call(action, params, options) as Promise<T>;
  }

  async stop(): Promise<void> {
    await this.broker.stop();
    rmSync(this.folder, { recursive: true });
  }
}
