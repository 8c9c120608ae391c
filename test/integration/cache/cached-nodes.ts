import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { type Context, ServiceBroker, type ServiceSchema } from "moleculer";
import { AzoraCacher, type AzoraCacherOptions } from "../../../runtime/cache/cacher.ts";
import type { Clock } from "../../../runtime/clock.ts";
import { NatsTransporter, natsOptions } from "../../../runtime/nats-transporter.ts";

/** Time that passes so many times as fast, for leases of some seconds. */
export function fastClock(times: number): Clock {
  return {
    now: () => performance.now() * times,
    after(ms, run) {
      const timer = setTimeout(run, ms / times);
      return () => clearTimeout(timer);
    },
  };
}

/** A way to a server that can be made to let nothing through, and stays open. */
export class Relay {
  readonly #sockets: Socket[] = [];
  readonly #server: Server;

  constructor(port: number) {
    this.#server = createServer((near) => {
      const far = connect(port, "127.0.0.1");
      this.#sockets.push(near, far);
      near.pipe(far).pipe(near);
      for (const socket of [near, far]) socket.on("error", () => {});
    });
  }

  async listen(): Promise<number> {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  pause(): void {
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  resume(): void {
    for (let i = 0; i < this.#sockets.length; i += 2)
      this.#sockets[i]!.pipe(this.#sockets[i + 1]!).pipe(this.#sockets[i]!);
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

/** What all nodes read and write: how often it was written. */
export class SharedStore {
  version = 0;
  loads: string[] = [];
  /** ms that a load takes. */
  delay = 0;
}

export interface CachedBroker {
  broker: ServiceBroker;
  cacher: AzoraCacher;
}

export async function cachedNode(
  nodeID: string,
  port: number,
  store: SharedStore,
  { more = [], ...options }: AzoraCacherOptions & { more?: ServiceSchema[] } = {},
): Promise<CachedBroker> {
  const cacher = new AzoraCacher(options);
  const broker = new ServiceBroker({
    nodeID,
    namespace: `cache-${process.pid}`,
    logger: false,
    requestTimeout: 5000,
    skipProcessEventRegistration: true,
    transporter: new NatsTransporter(natsOptions(`nats://127.0.0.1:${port}`)) as never,
    transit: { serviceChangedDebounceTime: 10 } as never,
    cacher: cacher as never,
  });
  broker.createService({
    name: "posts",
    actions: {
      get: {
        cache: { keys: ["id"], ttl: 3600, tags: ({ id }: { id: number }) => [`post:${id}`] },
        async handler(ctx: Context<{ id: number }>) {
          const { version } = store;
          store.loads.push(nodeID);
          await new Promise((resolve) => setTimeout(resolve, store.delay));
          return { id: ctx.params.id, version };
        },
      },
    },
  } as unknown as ServiceSchema);
  for (const schema of more) broker.createService(schema);
  await broker.start();
  return { broker, cacher };
}
