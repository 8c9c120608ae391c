import type { Service } from "moleculer";
import { importService } from "../module-hooks.ts";
import { constructService } from "../service-factory.ts";
import type { ThreadService } from "./messages.ts";
import type { ThreadBroker } from "./thread-broker.ts";
import { unsupported } from "./unsupported.ts";

type Handler = (this: Service, ctx: unknown) => unknown;

/** The services that a worker thread has loaded. `created` runs, `started` does not. */
export class ThreadServices {
  readonly #broker: ThreadBroker;
  readonly #root: string;
  readonly #loaded = new Map<number, Promise<Service>>();

  constructor(broker: ThreadBroker, root: string) {
    this.#broker = broker;
    this.#root = root;
  }

  /** @throws AzoraError WORKER_UNSUPPORTED saying why it cannot be loaded */
  load(wanted: ThreadService): Promise<Service> {
    let service = this.#loaded.get(wanted.id);
    if (!service) {
      service = this.#load(wanted);
      this.#loaded.set(wanted.id, service);
      service.catch(() => this.#loaded.delete(wanted.id));
    }
    return service;
  }

  async #load({ fullName, file, generation, has }: ThreadService): Promise<Service> {
    try {
      const service = constructService(this.#broker.broker, await importService(file, generation, this.#root));
      const open = service as unknown as { broker: unknown; actions: unknown };
      open.broker = this.#broker.guarded;
      open.actions = noActions(fullName);
      for (const name of has) if (!(name in service)) refuseState(service, fullName, name);
      return service;
    } catch (error) {
      const { message } = error as Error;
      throw unsupported(`${fullName} cannot be loaded in a worker thread: ${message}`, { service: fullName, file });
    }
  }
}

/** The action's own handler, as the file has it: what wraps it is done by the node. */
export function handlerOf(service: Service, rawName: string): Handler {
  const { actions = {} } = service.schema as {
    actions?: Record<string, Handler | { handler?: Handler; name?: string }>;
  };
  const found = Object.entries(actions).find(
    ([key, action]) => (typeof action === "object" && action?.name ? action.name : key) === rawName,
  )?.[1];
  const handler = typeof found === "function" ? found : found?.handler;
  if (!handler) throw unsupported(`${service.fullName} has no action ${rawName} in a worker thread`);
  return handler;
}

/** They would go round the node's limits, cache and checks. */
function noActions(fullName: string): object {
  return new Proxy(
    {},
    {
      get(_, name) {
        if (typeof name === "symbol") return undefined;
        const instead = `Use ctx.call("${fullName}.${name}"), or make a method of it`;
        throw unsupported(`this.actions.${name} does not work in a worker thread. ${instead}`, {
          member: `actions.${name}`,
        });
      },
    },
  );
}

/** What the living service has and this copy has not was made while it started. A handler may still make its own. */
function refuseState(service: Service, fullName: string, name: string): void {
  Object.defineProperty(service, name, {
    configurable: true,
    enumerable: false,
    get() {
      throw unsupported(
        `this.${name} of ${fullName} does not exist in a worker thread: what started makes stays in the service's own thread. Hand it over as a parameter, or make it in created`,
        { service: fullName, member: name },
      );
    },
    set(value: unknown) {
      Object.defineProperty(service, name, { value, writable: true, enumerable: true, configurable: true });
    },
  });
}
