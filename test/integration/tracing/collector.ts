import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface ReceivedSpan {
  service: string;
  node: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  start: bigint;
  end: bigint;
  attributes: Record<string, unknown>;
  status?: { code: number; message: string };
}

interface Attribute {
  key: string;
  value: Record<string, unknown>;
}
interface ExportRequest {
  resourceSpans: {
    resource: { attributes: Attribute[] };
    scopeSpans: {
      spans: (Pick<ReceivedSpan, "traceId" | "spanId" | "parentSpanId" | "name" | "kind" | "status"> & {
        startTimeUnixNano: string;
        endTimeUnixNano: string;
        attributes: Attribute[];
      })[];
    }[];
  }[];
}

/** A collector that takes OTLP over HTTP in JSON, and keeps what it got. */
export class Collector {
  readonly spans: ReceivedSpan[] = [];
  readonly headers: IncomingHttpHeaders[] = [];
  /** What it answers; `silent` takes the request and never answers. */
  mood: "well" | "silent" | "busy" = "well";
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<Collector> {
    const server = createServer();
    const collector = new Collector(server);
    server.on("request", (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk) => chunks.push(chunk));
      request.on("end", () => {
        if (collector.mood === "silent") return;
        const isOtlp = request.method === "POST" && request.url === "/v1/traces";
        if (collector.mood === "busy" || !isOtlp) {
          response.writeHead(collector.mood === "busy" ? 503 : 404).end();
          return;
        }
        collector.headers.push(request.headers);
        collector.#take(JSON.parse(Buffer.concat(chunks).toString()));
        response.writeHead(200, { "content-type": "application/json" }).end("{}");
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return collector;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take({ resourceSpans }: ExportRequest): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      const of = plain(resource.attributes);
      const identity = { service: String(of["service.name"]), node: String(of["service.instance.id"]) };
      for (const { startTimeUnixNano, endTimeUnixNano, attributes, ...span } of scopeSpans[0]!.spans)
        this.spans.push({
          ...span,
          ...identity,
          start: BigInt(startTimeUnixNano),
          end: BigInt(endTimeUnixNano),
          attributes: plain(attributes),
        });
    }
  }
}

function plain(attributes: Attribute[]): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => {
      const [[type, content]] = Object.entries(value) as [[string, unknown]];
      return [key, type === "intValue" ? Number(content) : content];
    }),
  );
}
