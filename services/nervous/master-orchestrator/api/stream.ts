import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { carriesToken, foreignPage } from "./operator-token.ts";

export type StreamType =
  | "status_update"
  | "health_update"
  | "healing_event"
  | "service_event"
  | "launch_progress"
  | "chain_block"
  | "harmony_update"
  | "alert";

export interface StreamOptions {
  port: number;
  auth: "writes" | "all";
  token: string;
  /** What a new listener gets at once. */
  welcome(): { type: StreamType; data: unknown }[];
}

const PATH = "/orchestrator/stream";
/** A listener that reads so slowly that this much waits for it is cut off, bytes. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
const PING_EVERY_MS = 15_000;

/** `ws://…/orchestrator/stream`: one JSON message `{type, at, seq, data}` for everything that happens. */
export class EventStream {
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: 1024 });
  readonly #alive = new WeakSet<WebSocket>();
  readonly #timer: NodeJS.Timeout;
  #seq = 0;

  constructor(http: Server, options: StreamOptions) {
    http.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      // Whoever breaks off in this moment must not bring the process down.
      socket.on("error", () => socket.destroy());
      const refusal = this.#refusal(request, options);
      if (refusal) {
        socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
        return;
      }
      this.#server.handleUpgrade(request, socket, head, (client) => {
        this.#alive.add(client);
        client.on("pong", () => this.#alive.add(client));
        client.on("error", () => client.terminate());
        for (const { type, data } of options.welcome()) this.#sendTo(client, this.#message(type, data));
      });
    });
    this.#timer = setInterval(() => this.#ping(), PING_EVERY_MS);
    this.#timer.unref();
  }

  get listeners(): number {
    return this.#server.clients.size;
  }

  send(type: StreamType, data: unknown): void {
    if (this.#server.clients.size === 0) {
      this.#seq++;
      return;
    }
    const message = this.#message(type, data);
    for (const client of this.#server.clients) this.#sendTo(client, message);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const client of this.#server.clients) client.close(1001, "the organism stops");
    this.#server.close();
  }

  #message(type: StreamType, data: unknown): string {
    return JSON.stringify({ type, at: new Date().toISOString(), seq: ++this.#seq, data });
  }

  #sendTo(client: WebSocket, message: string): void {
    if (client.bufferedAmount > MAX_WAITING_BYTES) client.terminate();
    else if (client.readyState === client.OPEN) client.send(message);
  }

  #refusal(request: IncomingMessage, { port, auth, token }: StreamOptions): string | undefined {
    if (request.url?.split("?")[0] !== PATH) return "404 Not Found";
    if (foreignPage(request, port)) return "403 Forbidden";
    if (auth === "all" && !carriesToken(request, token)) return "401 Unauthorized";
    return undefined;
  }

  #ping(): void {
    for (const client of this.#server.clients) {
      if (!this.#alive.has(client)) client.terminate();
      else {
        this.#alive.delete(client);
        client.ping();
      }
    }
  }
}
