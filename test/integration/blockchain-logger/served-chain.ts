import { mkdtempSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ServiceBroker, type ServiceSchema } from "moleculer";
import { freePort } from "../../../runtime/free-port.ts";
import { operatorToken } from "../../../runtime/operator-token.ts";
import chainLogger from "../../../services/immune/blockchain-logger/blockchain-logger.service.ts";
import gateway from "../../../services/lungs/azora-api-gateway/azora-api-gateway.service.ts";
import { chainRoutes } from "../../../services/nervous/master-orchestrator/api/chain-routes.ts";
import { createApiServer, listen } from "../../../services/nervous/master-orchestrator/api/server.ts";

/** The chain's service on a broker of its own, with the gateway and the orchestrator's server before it. */
export class ServedChain {
  readonly folder = mkdtempSync(join(tmpdir(), "azora-chain-"));
  readonly broker = new ServiceBroker({ nodeID: "immune-1", logger: false });
  readonly #server: Server;
  readonly token: string;
  readonly gateway: string;
  readonly orchestrator: string;

  private constructor(gatewayPort: number, port: number) {
    Object.assign(process.env, {
      AZORA_DATA_DIR: this.folder,
      AZORA_PORT: String(gatewayPort),
      AZORA_CHAIN_BLOCK_INTERVAL: "20",
      AZORA_CHAIN_CHECKPOINT_INTERVAL: "30",
    });
    this.token = operatorToken(this.folder);
    this.gateway = `http://127.0.0.1:${gatewayPort}`;
    this.orchestrator = `http://127.0.0.1:${port}`;
    const routes = [{ method: "GET" as const, path: "/live", handle: () => ({}) }, ...chainRoutes(this.broker)];
    this.#server = createApiServer({ port, auth: "writes", token: this.token, routes, logger: console as never });
    this.broker.createService(chainLogger as never);
    this.broker.createService(gateway as unknown as ServiceSchema);
  }

  static async start(): Promise<ServedChain> {
    const port = await freePort();
    const chain = new ServedChain(await freePort(), port);
    await chain.broker.start();
    await listen(chain.#server, port);
    return chain;
  }

  call<T>(action: string, params: object = {}): Promise<T> {
    return this.broker.call(`blockchain-logger.${action}`, params) as Promise<T>;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.broker.stop();
    for (const name of ["DATA_DIR", "PORT", "CHAIN_BLOCK_INTERVAL", "CHAIN_CHECKPOINT_INTERVAL"])
      delete process.env[`AZORA_${name}`];
    rmSync(this.folder, { recursive: true, force: true });
  }
}
