import type { HealingPriority, HealingRecord, HealingResult } from "../models/healing.ts";

/** What is to be done. */
export interface HealingActionRequest {
  /** The same id is carried out once, and answered with the first outcome. */
  id: string;
  /** A service by its name, or a node by its id. */
  service?: string;
  /** Only the service's instance on this node, or the node itself where no service is named. */
  node?: string;
  /** `restart`, `scale-up`, `reconnect`, `clear-cache`, `failover`, `resource-adjust`, or one that a service or plug-in offers. */
  actionType: string;
  /** @default "medium" */
  priority?: HealingPriority;
  /** @default {} */
  parameters?: Record<string, unknown>;
  /** ms, 1 to 600000. @default that of the action, mostly 30000 */
  timeout?: number;
}

/** A Moleculer broker on the organism's bus. */
export interface Broker {
  call(action: string, params?: object, options?: { timeout?: number }): Promise<unknown>;
  waitForServices(services: string[], timeout?: number): Promise<unknown>;
}

export interface AutoHealerOptions {
  /** Over the bus. @default over HTTP */
  broker?: Broker;
  /** The orchestrator's API. @default http://127.0.0.1:<AZORA_ORCHESTRATOR_PORT, 9000> */
  url?: string;
  /** The operator's token. @default what stands in <AZORA_DATA_DIR, ./data>/operator.token */
  token?: string;
}

/** What was refused, or could not be asked. `code` is one of the codes of docs/errors.md. */
export class AutoHealerError extends Error {
  readonly code: string;
  /** HTTP status; 0 where nobody answered. */
  readonly status: number;
  /** One entry for each wrong field, where there are any. */
  readonly errors: unknown[];

  constructor(code: string, message: string, status = 0, errors: unknown[] = []) {
    super(message);
    this.name = "AutoHealerError";
    this.code = code;
    this.status = status;
    this.errors = errors;
  }
}

/** What an action may take beyond its own time, for its turn and its answer, ms. */
const GRACE_MS = 60_000;
const LONGEST_MS = 600_000;
const ANSWER_MS = 10_000;

/** Heals services of an organism from another program. */
export class AzoraAutoHealer {
  readonly #options: AutoHealerOptions;
  readonly #ended = new AbortController();
  #url = "";
  #token = "";
  #ready = false;

  constructor(options: AutoHealerOptions = {}) {
    this.#options = options;
  }

  /**
   * Finds the organism.
   * @throws AutoHealerError SERVICE_UNAVAILABLE where it does not answer
   */
  async initialize(): Promise<void> {
    const { broker, url, token } = this.#options;
    if (broker) {
      try {
        await broker.waitForServices(["auto-healer"], ANSWER_MS);
      } catch (error) {
        throw new AutoHealerError("SERVICE_UNAVAILABLE", `no auto-healer is on the bus: ${(error as Error).message}`);
      }
    } else {
      this.#url = (url ?? `http://127.0.0.1:${process.env["AZORA_ORCHESTRATOR_PORT"] || 9000}`).replace(/\/+$/, "");
      this.#token = token ?? (await ownToken());
      await this.#request("GET", "/live");
    }
    this.#ready = true;
  }

  /**
   * Carries out one action, and answers when its outcome was seen. An action that did not help is no error: `success` is
   * false, and `reason` says why.
   * @throws AutoHealerError HEALING_ACTION_UNKNOWN, SERVICE_UNKNOWN, VALIDATION_ERROR, HEALING_COOLDOWN, HEALING_REFUSED,
   * UNAUTHORIZED …
   */
  async executeHealingAction(request: HealingActionRequest): Promise<HealingResult> {
    this.#mustBeReady();
    const timeout = (request.timeout ?? LONGEST_MS) + GRACE_MS;
    const { broker } = this.#options;
    if (broker) return (await called(broker, "auto-healer.execute", request, timeout)) as HealingResult;
    return this.#request("POST", "/orchestrator/heal", request, timeout);
  }

  /** What was done lately in the organism, whoever did it, newest first. @param limit 1 to 1000 */
  async getRecentHealingActions(limit = 20): Promise<HealingRecord[]> {
    this.#mustBeReady();
    if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
      throw new AutoHealerError("VALIDATION_ERROR", `limit is ${limit}, but must be a whole number from 1 to 1000`);
    }
    const { broker } = this.#options;
    if (broker) return (await called(broker, "master-orchestrator.history", { limit }, ANSWER_MS)) as HealingRecord[];
    return this.#request("GET", `/orchestrator/healing-history?limit=${limit}`);
  }

  /** Waits for nothing any longer. A broker that was given goes on. */
  async shutdown(): Promise<void> {
    this.#ready = false;
    this.#ended.abort();
  }

  #mustBeReady(): void {
    if (this.#ended.signal.aborted) throw new AutoHealerError("CONFLICT", "it was shut down; make another one");
    if (!this.#ready) throw new AutoHealerError("CONFLICT", "call initialize() first");
  }

  async #request<T>(method: string, path: string, body?: object, timeout = ANSWER_MS): Promise<T> {
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
      if (this.#ended.signal.aborted) throw new AutoHealerError("CONFLICT", "it was shut down meanwhile");
      const { name } = error as Error;
      const why = name === "TimeoutError" ? `does not answer within ${timeout} ms` : "does not answer";
      throw new AutoHealerError("SERVICE_UNAVAILABLE", `the organism on ${this.#url} ${why}`);
    }
    const answer = (await response.json().catch(() => ({}))) as T &
      Partial<{ code: string; detail: string; errors: unknown[] }>;
    if (response.ok) return answer;
    const { code = "INTERNAL_ERROR", detail = response.statusText, errors = [] } = answer;
    throw new AutoHealerError(code, detail, response.status, errors);
  }
}

async function called(broker: Broker, action: string, params: object, timeout: number): Promise<unknown> {
  try {
    return await broker.call(action, params, { timeout });
  } catch (error) {
    const { type, message, code, data } = error as { type?: string; message: string; code?: unknown; data?: unknown };
    const errors = Array.isArray(data) ? data : ((data as { errors?: unknown[] } | undefined)?.errors ?? []);
    throw new AutoHealerError(type ?? "INTERNAL_ERROR", message, typeof code === "number" ? code : 500, errors);
  }
}

async function ownToken(): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  const path = `${process.env["AZORA_DATA_DIR"] || "./data"}/operator.token`;
  return (await readFile(path, "utf8").catch(() => "")).trim();
}
