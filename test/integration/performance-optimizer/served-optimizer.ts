import { mkdtempSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Service, ServiceBroker, type ServiceSchema } from "moleculer";
import type { StoreMethods } from "../../../mixins/store/store.ts";
import { PERFORMANCE_MOUNT, PERFORMANCE_ROUTES } from "../../../models/performance-routes.ts";
import { freePort } from "../../../runtime/free-port.ts";
import { operatorToken } from "../../../runtime/operator-token.ts";
import gateway from "../../../services/lungs/azora-api-gateway/azora-api-gateway.service.ts";
import optimizer from "../../../services/muscles/performance-optimizer/performance-optimizer.service.ts";
import { passedRoutes } from "../../../services/nervous/master-orchestrator/api/passed-routes.ts";
import { createApiServer, listen } from "../../../services/nervous/master-orchestrator/api/server.ts";

/** A node's part as far as the optimizer asks for it: one setting, and a profile that is none. */
export class NodePart {
  budget = 1_000_000;
  readonly asked: string[] = [];

  schema(): ServiceSchema {
    return {
      name: "node-performance",
      actions: {
        setCacheBudget: (ctx: { params: { bytes: number } }) => {
          this.asked.push(`setCacheBudget ${ctx.params.bytes}`);
          this.budget = ctx.params.bytes;
        },
        cacheInfo: () => ({ maxBytes: this.budget }),
        queries: () => [],
        profile: (ctx: { params: { seconds: number; kind: string } }) => ({
          file: `${ctx.params.kind} of ${ctx.params.seconds} s`,
        }),
        heapSnapshot: () => ({ file: "heap" }),
      },
    } as unknown as ServiceSchema;
  }
}

/** The optimizer on a broker of its own, with the gateway and the orchestrator's server before it. */
export class ServedOptimizer {
  readonly folder: string;
  readonly broker = new ServiceBroker({ nodeID: "muscles-1", logger: false });
  readonly node = new NodePart();
  readonly token: string;
  readonly gateway: string;
  readonly orchestrator: string;
  readonly service: Service & StoreMethods;
  readonly #server: Server;

  private constructor(folder: string, gatewayPort: number, port: number) {
    this.folder = folder;
    Object.assign(process.env, { AZORA_DATA_DIR: folder, AZORA_PORT: String(gatewayPort) });
    this.token = operatorToken(folder);
    this.gateway = `http://127.0.0.1:${gatewayPort}`;
    this.orchestrator = `http://127.0.0.1:${port}`;
    const passing = { service: "performance-optimizer", mount: PERFORMANCE_MOUNT, routes: PERFORMANCE_ROUTES };
    const routes = passedRoutes(this.broker, passing);
    this.#server = createApiServer({ port, auth: "writes", token: this.token, routes, logger: console as never });
    this.broker.createService(this.node.schema());
    this.service = this.broker.createService(optimizer as never) as never;
    this.broker.createService(gateway as unknown as ServiceSchema);
  }

  /** @param folder of a former one, to go on with its store */
  static async start(folder = mkdtempSync(join(tmpdir(), "azora-optimizer-"))): Promise<ServedOptimizer> {
    const port = await freePort();
    const served = new ServedOptimizer(folder, await freePort(), port);
    await served.broker.start();
    await listen(served.#server, port);
    // The gateway takes up routes a moment after their service has come.
    for (const end = Date.now() + 15_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 20)))
      if ((await fetch(`${served.gateway}${PERFORMANCE_MOUNT}/metrics`)).status === 401) break;
    return served;
  }

  call<T>(action: string, params: object = {}): Promise<T> {
    return this.broker.call(`performance-optimizer.${action}`, params) as Promise<T>;
  }

  async stop(keep = false): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.broker.stop();
    for (const name of ["DATA_DIR", "PORT"]) delete process.env[`AZORA_${name}`];
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
  }
}
