import { randomUUID } from "node:crypto";
import { type Broker, type LinkOptions, OrganismError, ownToken } from "../organism-link.ts";
import { Skip } from "./check.ts";

export interface WorldOptions extends LinkOptions {
  /** The gateway. @default http://127.0.0.1:<AZORA_PORT, 3000> */
  gateway?: string;
  signal: AbortSignal;
}

export interface Answer<T = Record<string, unknown>> {
  status: number;
  body: T;
  headers: Headers;
  /** Until the answer was read. */
  ms: number;
}

export interface Request {
  method?: "GET" | "POST" | "PATCH" | "DELETE";
  body?: object;
  requestId?: string;
  /** ms. @default 15000 */
  timeout?: number;
  /** Without the operator's token. */
  anonymous?: boolean;
}

/** An action of the service that tests are made with, and its route at the gateway. */
export interface Probe {
  action: string;
  params: Record<string, unknown>;
  method: "GET" | "POST" | "PATCH";
  /** Below `/api/self-test`. */
  path: string;
  /** Of the parameters what the path does not say. */
  body?: object;
}

const PROBE = "self-test";
const ANSWER_MS = 15_000;
const CLEANUP_MS = 5000;
const ARRIVES_MS = 250;

/** The organism as the tests meet it: its two servers, its bus where a broker was given, and what is to be tidied up. */
export class World {
  /** Everything that this run writes carries it. */
  readonly run = `selftest-${randomUUID()}`;
  readonly url: string;
  readonly gateway: string;
  readonly signal: AbortSignal;
  readonly broker: Broker | undefined;
  readonly link: LinkOptions;
  readonly #token: string;
  readonly #cleanups: (() => Promise<unknown>)[] = [];

  private constructor({ url, gateway, signal, broker }: WorldOptions, token: string) {
    this.url = url!;
    this.gateway = gateway!;
    this.signal = signal;
    this.broker = broker;
    this.#token = token;
    this.link = broker ? { broker } : { url: this.url, token };
  }

  static async of(options: WorldOptions): Promise<World> {
    const base = (given: string | undefined, port: string | undefined, otherwise: number) =>
      (given ?? `http://127.0.0.1:${port || otherwise}`).replace(/\/+$/, "");
    const url = base(options.url, process.env["AZORA_ORCHESTRATOR_PORT"], 9000);
    const gateway = base(options.gateway, process.env["AZORA_PORT"], 3000);
    return new World({ ...options, url, gateway }, options.token ?? (await ownToken()));
  }

  /** The orchestrator's API. @throws OrganismError where it refuses, or nobody answers */
  async api<T>(path: string, request: Request = {}): Promise<T> {
    return accepted(await this.send<T>(`${this.url}${path}`, request));
  }

  /** The same, whatever it answers. */
  ask<T = Record<string, unknown>>(path: string, request: Request = {}): Promise<Answer<T>> {
    return this.send<T>(`${this.url}${path}`, request);
  }

  /** A route of the gateway, whatever it answers. */
  edge<T = Record<string, unknown>>(path: string, request: Request = {}): Promise<Answer<T>> {
    return this.send<T>(`${this.gateway}${path}`, request);
  }

  /** Calls the service that is there to be tested with: through the gateway as users do, else on the bus. */
  async probe<T>({ action, params, method, path, body }: Probe, requestId?: string): Promise<T> {
    if (await this.hasGateway()) {
      const request: Request = { method, ...(body ? { body } : {}), ...(requestId ? { requestId } : {}) };
      return accepted(await this.edge<T>(`/api/${PROBE}${path}`, request));
    }
    if (!this.broker) throw new Skip("this organism has no azora-api-gateway, and no broker on its bus was given");
    const options = { timeout: ANSWER_MS, ...(requestId ? { requestID: requestId } : {}) };
    return (await this.broker.call(`${PROBE}.${action}`, params, options)) as T;
  }

  /** Absent from foreign projects. */
  hasGateway(): Promise<boolean> {
    this.#hasGateway ??= this.hasService("azora-api-gateway");
    return this.#hasGateway;
  }
  #hasGateway: Promise<boolean> | undefined;

  async hasService(name: string): Promise<boolean> {
    return (await this.ask(`/orchestrator/services/${encodeURIComponent(name)}`)).status === 200;
  }

  /** @throws Skip */
  async needsProbe(): Promise<void> {
    if (!(await this.hasService(PROBE))) throw new Skip(`there is no service ${PROBE} in this organism`);
    if (!(await this.hasGateway()) && !this.broker)
      throw new Skip("this organism has no azora-api-gateway, and no broker on its bus was given");
  }

  /** Undone at the end, also where the run is interrupted; the last one first. */
  cleanup(undo: () => Promise<unknown>): void {
    this.#cleanups.push(undo);
  }

  /** What could not be tidied up, each in one sentence. */
  async tidyUp(): Promise<string[]> {
    const left: string[] = [];
    // What was cut off may still arrive.
    if (this.signal.aborted && this.#cleanups.length > 0)
      await new Promise((resolve) => setTimeout(resolve, ARRIVES_MS));
    for (const undo of this.#cleanups.splice(0).reverse()) {
      try {
        await undo();
      } catch (error) {
        left.push((error as Error).message);
      }
    }
    return left;
  }

  /** Rejects at once where the run is interrupted. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const ended = () => {
        clearTimeout(timer);
        reject(this.signal.reason);
      };
      const timer = setTimeout(() => {
        this.signal.removeEventListener("abort", ended);
        resolve();
      }, ms);
      if (this.signal.aborted) ended();
      else this.signal.addEventListener("abort", ended, { once: true });
    });
  }

  async send<T>(url: string, request: Request = {}): Promise<Answer<T>> {
    const { method = "GET", body, requestId, timeout = ANSWER_MS, anonymous = false } = request;
    // An interrupted run still has to tidy up.
    const signal = this.signal.aborted
      ? AbortSignal.timeout(CLEANUP_MS)
      : AbortSignal.any([this.signal, AbortSignal.timeout(timeout)]);
    const start = performance.now();
    try {
      const response = await fetch(url, {
        method,
        signal,
        headers: {
          ...(this.#token && !anonymous ? { authorization: `Bearer ${this.#token}` } : {}),
          ...(body ? { "content-type": "application/json" } : {}),
          ...(requestId ? { "x-request-id": requestId } : {}),
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      const text = await response.text();
      const ms = performance.now() - start;
      return { status: response.status, headers: response.headers, ms, body: parsed(text) as T };
    } catch (error) {
      if (this.signal.aborted && this.signal.reason === error) throw error;
      const why = (error as Error).name === "TimeoutError" ? `does not answer within ${timeout} ms` : "does not answer";
      throw new OrganismError("SERVICE_UNAVAILABLE", `${new URL(url).origin} ${why}`);
    }
  }
}

function accepted<T>({ status, body }: Answer<T>): T {
  if (status >= 200 && status < 300) return body;
  const {
    code = "INTERNAL_ERROR",
    detail = `answered ${status}`,
    errors = [],
  } = body as {
    code?: string;
    detail?: string;
    errors?: unknown[];
  };
  throw new OrganismError(code, detail, status, errors);
}

function parsed(text: string): unknown {
  try {
    return text === "" ? {} : JSON.parse(text);
  } catch {
    return {};
  }
}
