import { availableParallelism } from "node:os";
import type { ServiceBroker } from "moleculer";
import type { Level } from "../logger.ts";
import { registerPool } from "../pools/node-pools.ts";
import { withRequestId } from "../request-scope.ts";
import { Job, type JobOptions } from "./job.ts";
import type { FromThread, PlainError } from "./messages.ts";
import { ERROR } from "./thread-logger.ts";
import { WorkerPool } from "./worker-pool.ts";
import type { WorkersOptions } from "./workers.ts";

/** A node's worker threads, from its first call that wants one. */
export class JobRunner {
  readonly #broker: ServiceBroker;
  readonly #pool: WorkerPool;
  readonly #unregister: () => void;

  constructor(broker: ServiceBroker, { root, foreign, jobs = 50, memory = 512, pool: overrides }: WorkersOptions) {
    this.#broker = broker;
    const pool = new WorkerPool({
      start: { nodeId: broker.nodeID, namespace: broker.namespace, instanceId: broker.instanceID, root, foreign },
      threads: Math.max(1, Math.min(jobs, availableParallelism())),
      jobs,
      memory,
      onLog: (message, job) => this.#log(message, job),
      onCrash: (why) => broker.logger.error(`a worker thread ended: ${why}`),
      ...overrides,
    });
    this.#pool = pool;
    this.#unregister = registerPool(broker, {
      states: () => [pool.state()],
      resize: (name, size) => (name === "worker" ? pool.resize(size) : undefined),
    });
  }

  get threads(): number {
    return this.#pool.threads;
  }

  run(job: JobOptions): Promise<unknown> {
    return this.#pool.run(new Job(job));
  }

  /** A service that has stopped. */
  forget(service: number): void {
    this.#pool.forget(service);
  }

  async close(): Promise<void> {
    this.#unregister();
    await this.#pool.close();
  }

  #log(message: Extract<FromThread, { what: "log" | "dropped" }>, job: Job | undefined): void {
    const broker = this.#broker;
    if (message.what === "dropped") {
      broker.logger.warn(`a worker thread wrote too many log lines; ${message.lines} of them are lost`);
      return;
    }
    const { service, level, args } = message;
    const logger = broker.getLocalService(service)?.logger ?? broker.logger;
    const write = logger[level as Exclude<Level, "fatal">] ?? logger.info;
    const requestId = job?.requestId;
    const line = args.map(readable);
    if (requestId) withRequestId(requestId, () => write.apply(logger, line));
    else write.apply(logger, line);
  }
}

/** An error comes as its parts. */
function readable(arg: unknown): unknown {
  const plain = (arg as { [ERROR]?: PlainError } | null | undefined)?.[ERROR];
  return plain ? Object.assign(new Error(plain.message), plain) : arg;
}
