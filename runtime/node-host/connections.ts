import type { Service, ServiceBroker } from "moleculer";
import { AzoraError } from "../errors.ts";

export const CONNECTIONS = ["bus", "database", "cache"] as const;
export type Connection = (typeof CONNECTIONS)[number];

/** What was seen of a connection before and after it was made anew, or why it was not. */
export type Renewal = { before: string; after: string } | { not: string };

const READY_TIMEOUT_MS = 5000;

/** Connects to the bus anew. */
export async function renewBus(broker: ServiceBroker): Promise<Renewal> {
  const tx = broker.transit?.tx as unknown as { renew?(): Promise<Renewal> } | undefined;
  if (!tx) return { not: "the node has no bus" };
  // The mesh's sockets are signs of life: to close one is to be dead.
  if (!tx.renew) return { not: "the mesh makes its own connections anew as soon as one breaks" };
  return tx.renew();
}

interface Renewable {
  reconnectStore?(): Promise<{ before: string; after: string }>;
  reconnect?(what: Connection[]): unknown;
}

/** Opens the service's store anew, or has the service do so itself, by its own method or action `reconnect`. */
export async function renewDatabase(broker: ServiceBroker, service: Service | undefined): Promise<Renewal> {
  if (!service) return { not: "it belongs to a service; name one that runs here" };
  const { reconnectStore, reconnect } = service as unknown as Renewable;
  if (reconnectStore) return reconnectStore.call(service);
  const action = `${service.fullName}.reconnect`;
  const isAction = broker.registry.getActionEndpointByNodeId(action, broker.nodeID) != null;
  if (!reconnect && !isAction) return { not: `${service.fullName} keeps no store here and offers no \`reconnect\`` };
  const what = ["database" as const];
  const said = reconnect
    ? await reconnect.call(service, what)
    : await broker.call(action, { what }, { nodeID: broker.nodeID });
  const { before, after } = (said ?? {}) as { before?: unknown; after?: unknown };
  return { before: String(before ?? "not told"), after: String(after ?? `${service.fullName} says that it is done`) };
}

interface RedisClient {
  status: string;
  options: { host?: string; port?: number };
  duplicate(): RedisClient;
  client(command: "ID"): Promise<number>;
  listeners(event: string): ((...args: unknown[]) => void)[];
  on(event: string, listener: (...args: unknown[]) => void): void;
  once(event: string, listener: (...args: unknown[]) => void): void;
  quit(): Promise<unknown>;
  disconnect(): void;
}

interface NodeCacher {
  client?: RedisClient;
  connected: boolean;
  clean(): Promise<unknown>;
  getCacheKeys(): Promise<unknown[]>;
  /** Azora's own: another connection in place of the old one; forgets what is in this process. */
  adopt?(client: RedisClient): void;
  forget?(): Promise<void>;
}

/** Connects to Redis anew; a cache in the process begins empty. */
export async function renewCache(broker: ServiceBroker): Promise<Renewal> {
  const cacher = broker.cacher as unknown as NodeCacher | undefined;
  if (!cacher) return { not: "the node has no cache" };
  if (!cacher.client) {
    const before = `in the process, ${(await cacher.getCacheKeys()).length} cached`;
    await (cacher.forget ? cacher.forget() : cacher.clean());
    return { before, after: `in the process, ${(await cacher.getCacheKeys()).length} cached` };
  }
  const old = cacher.client;
  const before = await redisState(old);
  const fresh = await connected(old.duplicate());
  if (cacher.adopt) cacher.adopt(fresh);
  else {
    for (const event of ["ready", "error"]) for (const listener of old.listeners(event)) fresh.on(event, listener);
    cacher.client = fresh;
    cacher.connected = true;
  }
  // What was asked of a connection that is broken will never be answered.
  if (old.status === "ready") void old.quit().catch(() => old.disconnect());
  else old.disconnect();
  return { before, after: await redisState(fresh) };
}

async function redisState(client: RedisClient): Promise<string> {
  const { host = "its host", port = 6379 } = client.options;
  if (client.status !== "ready") return `Redis at ${host}:${port} ${client.status}`;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, 1000, undefined);
  });
  const id = await Promise.race([client.client("ID").catch(() => undefined), late]);
  clearTimeout(timer);
  return `Redis at ${host}:${port} ${id === undefined ? "does not answer" : `connected, client id ${id}`}`;
}

function connected(client: RedisClient): Promise<RedisClient> {
  return new Promise((resolve, reject) => {
    let reason = "";
    const timer = setTimeout(() => {
      client.disconnect();
      const detail = `Redis was not connected within ${READY_TIMEOUT_MS} ms${reason}`;
      reject(new AzoraError("NOT_WITHIN_TIME", detail));
    }, READY_TIMEOUT_MS);
    client.on("error", (error) => {
      reason = `: ${(error as Error).message}`;
    });
    client.once("ready", () => {
      clearTimeout(timer);
      resolve(client);
    });
  });
}
