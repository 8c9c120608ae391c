import { availableParallelism } from "node:os";
import type { Context, Middleware, Service, ServiceBroker } from "moleculer";
import type { Level } from "../logger.ts";
import { registerPool } from "../pools/node-pools.ts";
import { withRequestId } from "../request-scope.ts";
import { Job, type Transfer } from "./job.ts";
import type { FromThread, PlainError, ThreadService } from "./messages.ts";
import { originOf } from "./service-origin.ts";
import { ERROR } from "./thread-logger.ts";
import { WorkerPool, type WorkerPoolOptions } from "./worker-pool.ts";

/** What an action says in `metadata.worker`: true, or which buffers are handed over. */
export type WorkerMetadata = boolean | { transfer?: readonly Transfer[] };

export interface WorkersOptions {
  /** Folder whose modules are loaded afresh with a service. */
  root: string;
  foreign: boolean;
  /** Calls under way at once; threads are never more than processors. @default 50 */
  jobs?: number;
  /** Heap of a thread, MB. @default 512 */
  memory?: number;
  /** Overrides, for tests. */
  pool?: Partial<WorkerPoolOptions>;
}

type Handler = (ctx: Context) => Promise<unknown>;
interface Action {
  name: string;
  rawName: string;
  metadata?: { worker?: WorkerMetadata };
  service: Service;
}

/** Carries actions with `metadata: { worker: true }` out in worker threads. There are none until the first such call. */
export class Workers {
  readonly #options: WorkersOptions;
  readonly #services = new WeakMap<Service, ThreadService>();
  #broker: ServiceBroker | undefined;
  #pool: WorkerPool | undefined;
  #unregister = () => {};
  #lastService = 0;

  constructor(options: WorkersOptions) {
    this.#options = options;
  }

  get threads(): number {
    return this.#pool?.threads ?? 0;
  }

  /** To stand closest to the services: limits, cache, checks and time-outs remain the node's. */
  middleware(): Middleware {
    const workers = this;
    return {
      name: "Workers",
      created(broker: ServiceBroker) {
        workers.#broker = broker;
      },
      localAction(next: Handler, action: Action): Handler {
        const wanted = action.metadata?.worker;
        if (!wanted) return next;
        const transfer = (wanted === true ? [] : wanted.transfer) ?? [];
        let warned = false;
        return (ctx) => {
          const service = workers.#serviceOf(action.service);
          if (service) return workers.#run(ctx, action, service, transfer);
          if (!warned) {
            warned = true;
            const why = "its service was not loaded from a file";
            action.service.logger.warn(`${action.name} runs on the event loop and not in a worker thread: ${why}`);
          }
          return next(ctx);
        };
      },
      serviceStopped(service: Service) {
        const known = workers.#services.get(service);
        if (known) workers.#pool?.forget(known.id);
      },
      async stopped() {
        workers.#unregister();
        await workers.#pool?.close();
      },
    } as unknown as Middleware;
  }

  #run(ctx: Context, action: Action, service: ThreadService, transfer: readonly Transfer[]): Promise<unknown> {
    const { name, rawName, service: live } = action;
    this.#pool ??= this.#makePool();
    return this.#pool.run(new Job({ ctx, service, live, rawName, action: name, transfer }));
  }

  #serviceOf(service: Service): ThreadService | undefined {
    const known = this.#services.get(service);
    if (known) return known;
    const origin = originOf(service);
    if (!origin) return undefined;
    const made = { id: ++this.#lastService, fullName: service.fullName, ...origin, has: Object.keys(service) };
    this.#services.set(service, made);
    return made;
  }

  #makePool(): WorkerPool {
    const { root, foreign, jobs = 50, memory = 512, pool: overrides } = this.#options;
    const broker = this.#broker!;
    const pool = new WorkerPool({
      start: { nodeId: broker.nodeID, namespace: broker.namespace, instanceId: broker.instanceID, root, foreign },
      threads: Math.max(1, Math.min(jobs, availableParallelism())),
      jobs,
      memory,
      onLog: (message, job) => this.#log(message, job),
      onCrash: (why) => broker.logger.error(`a worker thread ended: ${why}`),
      ...overrides,
    });
    this.#unregister = registerPool(broker, {
      states: () => [pool.state()],
      resize: (name, size) => (name === "worker" ? pool.resize(size) : undefined),
    });
    return pool;
  }

  #log(message: Extract<FromThread, { what: "log" | "dropped" }>, job: Job | undefined): void {
    const broker = this.#broker!;
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
