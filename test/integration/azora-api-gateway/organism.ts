import http from "node:http";
import net from "node:net";
import { type BrokerOptions, ServiceBroker, type ServiceSchema } from "moleculer";
import gateway from "../../../services/lungs/azora-api-gateway/azora-api-gateway.service.ts";

export async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Brokers of one test; `stop` ends them all. */
export class Organism {
  readonly brokers: ServiceBroker[] = [];
  readonly port: number;

  constructor(port: number) {
    this.port = port;
  }

  static async start(services: ServiceSchema[], settings: object = {}): Promise<Organism> {
    const organism = new Organism(await freePort());
    await organism.node([organism.gateway(settings), ...services]);
    return organism;
  }

  /** A gateway with other limits than it has by default. */
  gateway(settings: object): ServiceSchema {
    return { ...gateway, settings: { ...gateway.settings, ...settings } } as unknown as ServiceSchema;
  }

  async node(services: ServiceSchema[], options: BrokerOptions = {}): Promise<ServiceBroker> {
    process.env.AZORA_PORT = String(this.port);
    const broker = new ServiceBroker({ nodeID: `n-${this.brokers.length}-${this.port}`, logger: false, ...options });
    for (const schema of services) broker.createService(schema);
    this.brokers.push(broker);
    await broker.start();
    return broker;
  }

  async stop(): Promise<void> {
    await Promise.all(this.brokers.map((broker) => broker.stop()));
  }
}

export interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever comes
  body: any;
}

export interface Question {
  method?: string;
  headers?: http.OutgoingHttpHeaders;
  body?: string | Buffer;
  agent?: http.Agent;
}

/** One request as it is: nothing is retried, the path is not normalised. */
export function ask(
  port: number,
  path: string,
  { method = "GET", headers, body, agent }: Question = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path, method, headers, agent: agent ?? false };
    const request = http.request(options as http.RequestOptions, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const json = /json/.test(response.headers["content-type"] ?? "") && text !== "";
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          text,
          body: json ? JSON.parse(text) : undefined,
        });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

export const json = (body: unknown, method = "POST"): Question => ({
  method,
  headers: { "content-type": "application/json" },
  body: typeof body === "string" ? body : JSON.stringify(body),
});

/** Writes bytes to the port and gives back what comes until the other side closes. */
export function raw(port: number, ...parts: string[]): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = net.connect(port, "127.0.0.1", () => {
      for (const part of parts) socket.write(part);
    });
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(text));
  });
}
