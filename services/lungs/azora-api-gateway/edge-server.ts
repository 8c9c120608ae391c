import http, { type IncomingMessage, type ServerResponse } from "node:http";
import net, { type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { type Clock, sleep } from "../../../runtime/clock.ts";
import { AzoraError, type ErrorCode, toProblem } from "../../../runtime/errors.ts";
import { portHolder } from "../../../runtime/port-holder.ts";
import { requestIdOf } from "./request-id.ts";

/** Bounds of one gateway process; times in ms. */
export interface EdgeLimits {
  /** Time for the whole request head. @default 10_000 */
  headersTimeout: number;
  /** Time for the whole request, body included. @default 30_000 */
  requestTimeout: number;
  /** How long an idle connection is kept. @default 5_000 */
  keepAliveTimeout: number;
  /** Connections beyond this are closed unanswered. @default 10_000 */
  maxConnections: number;
  /** How long a stop waits for requests in flight. @default 5_000 */
  drainTimeout: number;
  /** How long a connection must be quiet before a stop closes it. @default 300 */
  drainQuiet: number;
}

export const DEFAULT_LIMITS: EdgeLimits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 5_000,
  maxConnections: 10_000,
  drainTimeout: 5_000,
  drainQuiet: 300,
};

interface Connection {
  active: Set<ServerResponse>;
  quietSince: number;
}

/**
 * The listening half of the gateway. Several processes may hold one port (SO_REUSEPORT); the kernel spreads new
 * connections over them. Stopping loses no request that has reached this process.
 */
export class EdgeServer {
  readonly #server: http.Server;
  readonly #limits: EdgeLimits;
  readonly #clock: Clock;
  readonly #connections = new Map<Socket, Connection>();
  #closing: Promise<void> | undefined;
  #closedAt = 0;
  #stopping = false;
  #accepted = 0;
  /** Connections closed unanswered because there were too many. */
  dropped = 0;

  constructor(handle: (request: IncomingMessage, response: ServerResponse) => void, limits: EdgeLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
    const { headersTimeout, requestTimeout, keepAliveTimeout } = limits;
    const connectionsCheckingInterval = Math.min(1000, headersTimeout, requestTimeout);
    this.#server = http.createServer({ headersTimeout, requestTimeout, keepAliveTimeout, connectionsCheckingInterval });
    this.#server.maxConnections = limits.maxConnections;
    this.#server.on("connection", (socket) => this.#watch(socket));
    this.#server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      this.#track(request.socket, response);
      handle(request, response);
    });
    this.#server.on("clientError", answerBrokenRequest);
    this.#server.on("drop", () => this.dropped++);
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  get listening(): boolean {
    return this.#server.listening;
  }

  get connections(): number {
    return this.#connections.size;
  }

  get inFlight(): number {
    let count = 0;
    for (const { active } of this.#connections.values()) count += active.size;
    return count;
  }

  /** Listens on one address. @throws AzoraError START_FAILED when the port is taken or forbidden */
  listen(port: number, host: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const refused = (error: NodeJS.ErrnoException) => reject(whyNotListening(error, port));
      this.#server.once("error", refused);
      this.#server.listen({ port, host, reusePort: true, backlog: 1024 }, () => {
        this.#server.off("error", refused);
        resolve();
      });
    });
  }

  /** Stops accepting, and tells the clients of open connections to go with their next answer. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** After `close`: lets requests in flight finish and closes idle connections. Resolves to the number cut off. */
  async drain(): Promise<number> {
    const end = this.#clock.now() + this.#limits.drainTimeout;
    while (this.#connections.size > 0 && this.#clock.now() < end) {
      for (const [socket, { active, quietSince }] of this.#connections) {
        const quiet = this.#clock.now() - Math.max(quietSince, this.#closedAt);
        if (active.size === 0 && quiet >= this.#limits.drainQuiet) socket.destroySoon();
      }
      if (this.#connections.size > 0) await sleep(this.#clock, 10);
    }
    const cutOff = this.inFlight;
    for (const socket of this.#connections.keys()) socket.destroy();
    this.#server.close(() => {}); // already closed; ends the time-out checks
    return cutOff;
  }

  async #close(): Promise<void> {
    if (!this.#server.listening) return;
    await this.#quietTurn();
    // http.Server.close would also close connections that look idle while their next request is on its way.
    net.Server.prototype.close.call(this.#server);
    // Only now: a client that is told to go comes back at once, and must find the port closed here.
    this.#stopping = true;
    this.#closedAt = this.#clock.now();
    for (const { active } of this.#connections.values()) for (const response of active) askToClose(response);
  }

  /**
   * Connections that wait in the kernel's queue are reset when the listener closes. So it closes right after a turn of
   * the event loop that had none to accept, or after 50 turns.
   */
  async #quietTurn(): Promise<void> {
    for (let turn = 0; turn < 50; turn++) {
      const before = this.#accepted;
      await setImmediate();
      if (turn > 0 && this.#accepted === before) return;
    }
  }

  #watch(socket: Socket): void {
    this.#accepted++;
    this.#connections.set(socket, { active: new Set(), quietSince: this.#clock.now() });
    socket.once("close", () => this.#connections.delete(socket));
  }

  #track(socket: Socket, response: ServerResponse): void {
    const connection = this.#connections.get(socket);
    if (!connection) return;
    connection.active.add(response);
    if (this.#stopping) askToClose(response);
    response.once("close", () => {
      connection.active.delete(response);
      connection.quietSince = this.#clock.now();
    });
  }
}

function askToClose(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader("Connection", "close");
}

function whyNotListening(error: NodeJS.ErrnoException, port: number): Error {
  if (error.code === "EADDRINUSE") {
    const holder = portHolder(port) ?? "another program";
    return new AzoraError(
      "START_FAILED",
      `Port ${port} is taken by ${holder}; stop it, or set AZORA_PORT to a free port`,
    );
  }
  if (error.code === "EACCES") {
    return new AzoraError("START_FAILED", `Port ${port} needs privileges; set AZORA_PORT to a port above 1023`);
  }
  return new AzoraError("START_FAILED", `Cannot listen on port ${port} (AZORA_PORT): ${error.message}`);
}

/** Answers what is no HTTP request, is too large or comes too slowly: there is no response object for it. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const [code, detail] = whatIsBroken(error.code);
  const problem = toProblem(new AzoraError(code, detail), requestIdOf(undefined));
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${http.STATUS_CODES[problem.status]}`,
    "Content-Type: application/problem+json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${problem.requestId}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

function whatIsBroken(code: string | undefined): [ErrorCode, string] {
  if (code === "HPE_HEADER_OVERFLOW") return ["HEADERS_TOO_LARGE", "Request line and headers exceed 16 KB"];
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return ["REQUEST_INCOMPLETE", "The request did not arrive in time"];
  return ["BAD_REQUEST", "This is not an HTTP/1.1 request"];
}
