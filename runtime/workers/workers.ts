import type { Context, Middleware, Service, ServiceBroker } from "moleculer";
import type { JobOptions, Transfer } from "./job.ts";
import type { JobRunner } from "./job-runner.ts";
import type { ThreadService } from "./messages.ts";
import { originOf } from "./service-origin.ts";
import type { WorkerPoolOptions } from "./worker-pool.ts";

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
  #runner: JobRunner | undefined;
  #loading: Promise<JobRunner> | undefined;
  #lastService = 0;

  constructor(options: WorkersOptions) {
    this.#options = options;
  }

  get threads(): number {
    return this.#runner?.threads ?? 0;
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
        const { name, rawName } = action;
        const transfer = (wanted === true ? [] : wanted.transfer) ?? [];
        let warned = false;
        return (ctx) => {
          const service = workers.#serviceOf(action.service);
          if (service) return workers.#run({ ctx, service, live: action.service, rawName, action: name, transfer });
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
        if (known) workers.#runner?.forget(known.id);
      },
      async stopped() {
        await (await workers.#loading)?.close();
      },
    } as unknown as Middleware;
  }

  /** The threads' code is loaded with the first call. */
  #run(job: JobOptions): Promise<unknown> {
    if (this.#runner) return this.#runner.run(job);
    this.#loading ??= import("./job-runner.ts").then(({ JobRunner }) => {
      this.#runner = new JobRunner(this.#broker!, this.#options);
      return this.#runner;
    });
    return this.#loading.then((runner) => runner.run(job));
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
}
