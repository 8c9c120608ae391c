/** A Moleculer broker on the organism's bus. */
export interface Broker {
  call(action: string, params?: object, options?: { timeout?: number; requestID?: string }): Promise<unknown>;
  waitForServices(services: string[], timeout?: number): Promise<unknown>;
}

/** How another program reaches the organism. */
export interface LinkOptions {
  /** Over the bus. @default over HTTP */
  broker?: Broker;
  /** The orchestrator's API. @default http://127.0.0.1:<AZORA_ORCHESTRATOR_PORT, 9000> */
  url?: string;
  /** The operator's token. @default what stands in <AZORA_DATA_DIR, ./data>/operator.token */
  token?: string;
}

/** What was refused, or could not be asked. `code` is one of the codes of docs/errors.md. */
export class OrganismError extends Error {
  readonly code: string;
  /** HTTP status; 0 where nobody answered. */
  readonly status: number;
  /** One entry for each wrong field, where there are any. */
  readonly errors: unknown[];

  constructor(code: string, message: string, status = 0, errors: unknown[] = []) {
    super(message);
    this.name = new.target.name;
    this.code = code;
    this.status = status;
    this.errors = errors;
  }
}

export type ErrorClass = new (code: string, message: string, status?: number, errors?: unknown[]) => OrganismError;

/** One way to ask the same thing: of a service's action on the bus, or of a route. */
export interface Question {
  action: string;
  params?: object;
  method?: "GET" | "POST";
  /** With its query. */
  path: string;
  body?: object;
  /** ms. @default 10000 */
  timeout?: number;
}

const ANSWER_MS = 10_000;

/** The way to a service of the organism, over HTTP or over the bus, from finding it to the end. */
export class OrganismLink {
  readonly #options: LinkOptions;
  readonly #service: string;
  readonly #Error: ErrorClass;
  readonly #ended = new AbortController();
  #url = "";
  #token = "";
  #ready = false;

  /** @param Failure what is thrown */
  constructor(service: string, options: LinkOptions, Failure: ErrorClass) {
    this.#service = service;
    this.#options = options;
    this.#Error = Failure;
  }

  /** @throws OrganismError SERVICE_UNAVAILABLE where nobody answers */
  async find(): Promise<void> {
    const { broker, url, token } = this.#options;
    if (broker) {
      try {
        await broker.waitForServices([this.#service], ANSWER_MS);
      } catch (error) {
        const message = `no ${this.#service} is on the bus: ${(error as Error).message}`;
        throw new this.#Error("SERVICE_UNAVAILABLE", message);
      }
    } else {
      this.#url = (url ?? `http://127.0.0.1:${process.env["AZORA_ORCHESTRATOR_PORT"] || 9000}`).replace(/\/+$/, "");
      this.#token = token ?? (await ownToken());
      await this.#request({ action: "", path: "/live" });
    }
    this.#ready = true;
  }

  /** @throws OrganismError CONFLICT before it was found and after the end, and whatever the organism answers */
  async ask<T>(question: Question): Promise<T> {
    if (this.#ended.signal.aborted) throw new this.#Error("CONFLICT", "it was shut down; make another one");
    if (!this.#ready) throw new this.#Error("CONFLICT", "call initialize() first");
    const { broker } = this.#options;
    return (await (broker ? this.#call(broker, question) : this.#request(question))) as T;
  }

  /** Waits for nothing any longer. A broker that was given goes on. */
  end(): void {
    this.#ready = false;
    this.#ended.abort();
  }

  async #call(broker: Broker, { action, params = {}, timeout = ANSWER_MS }: Question): Promise<unknown> {
    try {
      return await broker.call(action, params, { timeout });
    } catch (error) {
      const { type, message, code, data } = error as { type?: string; message: string; code?: unknown; data?: unknown };
      const errors = Array.isArray(data) ? data : ((data as { errors?: unknown[] } | undefined)?.errors ?? []);
      throw new this.#Error(type ?? "INTERNAL_ERROR", message, typeof code === "number" ? code : 500, errors);
    }
  }

  async #request({ method = "GET", path, body, timeout = ANSWER_MS }: Question): Promise<unknown> {
    let response: Response;
    try {
      response = await fetch(this.#url + path, {
        method,
        signal: AbortSignal.any([this.#ended.signal, AbortSignal.timeout(timeout)]),
        headers: {
          ...(this.#token ? { authorization: `Bearer ${this.#token}` } : {}),
          ...(body ? { "content-type": "application/json" } : {}),
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
    } catch (error) {
      if (this.#ended.signal.aborted) throw new this.#Error("CONFLICT", "it was shut down meanwhile");
      const { name } = error as Error;
      const why = name === "TimeoutError" ? `does not answer within ${timeout} ms` : "does not answer";
      throw new this.#Error("SERVICE_UNAVAILABLE", `the organism on ${this.#url} ${why}`);
    }
    const answer = (await response.json().catch(() => ({}))) as Partial<{
      code: string;
      detail: string;
      errors: unknown[];
    }>;
    if (response.ok) return answer;
    const { code = "INTERNAL_ERROR", detail = response.statusText, errors = [] } = answer;
    throw new this.#Error(code, detail, response.status, errors);
  }
}

export async function ownToken(): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  const path = `${process.env["AZORA_DATA_DIR"] || "./data"}/operator.token`;
  return (await readFile(path, "utf8").catch(() => "")).trim();
}
