import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { BreakerState } from "../models/healing.ts";
import type { Settings } from "../runtime/settings.ts";
import { CommandError } from "./command.ts";

/** The orchestrator's API, as the commands use it. */
export class ApiClient {
  readonly #base: string;
  readonly #tokenPath: string;

  constructor(settings: Settings) {
    this.#base = `http://127.0.0.1:${settings.AZORA_ORCHESTRATOR_PORT}`;
    this.#tokenPath = join(settings.AZORA_DATA_DIR, "operator.token");
  }

  /** Read anew each time: the first start makes it. */
  get #token(): string | undefined {
    return existsSync(this.#tokenPath) ? readFileSync(this.#tokenPath, "utf8").trim() : undefined;
  }

  get url(): string {
    return this.#base;
  }

  /** The page's address; it carries the token once. */
  get pageUrl(): string {
    return `${this.#base}/${this.#token ? `?token=${this.#token}` : ""}`;
  }

  get headers(): Record<string, string> {
    return this.#token ? { authorization: `Bearer ${this.#token}` } : {};
  }

  /** True if an orchestrator answers. */
  async answers(): Promise<boolean> {
    try {
      return (await fetch(`${this.#base}/live`, { signal: AbortSignal.timeout(1000) })).ok;
    } catch {
      return false;
    }
  }

  get<T>(path: string): Promise<T> {
    return this.#request("GET", path);
  }

  /** @param timeout ms. @default 90000 */
  post<T>(path: string, body: object = {}, timeout?: number): Promise<T> {
    return this.#request("POST", path, body, timeout);
  }

  async #request<T>(method: string, path: string, body?: object, timeout = 90_000): Promise<T> {
    let response: Response;
    try {
      response = await fetch(`${this.#base}${path}`, {
        method,
        headers: { ...this.headers, ...(body ? { "content-type": "application/json" } : {}) },
        signal: AbortSignal.timeout(timeout),
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
    } catch {
      throw new CommandError(`no organism answers on ${this.#base}; start one with "azora up"`);
    }
    const answer = (await response.json()) as T & { detail?: string; code?: string };
    if (!response.ok)
      throw new CommandError(`${answer.detail ?? response.statusText}${answer.code ? ` (${answer.code})` : ""}`);
    return answer;
  }
}

/** The parts of `GET /orchestrator/status` that the commands show. */
export interface OrganismStatus {
  status: string;
  why: string;
  uptime: number;
  epoch: number;
  launch: { phase: number; started: number; total: number; done: boolean };
  services: Record<string, number>;
  nodes: {
    id: string;
    organ: string;
    pid: number;
    host: string;
    status: string;
    incarnation: number;
    cpu: number;
    memory: number;
    loopDelayP99: number;
    uptime: number;
    why?: string;
  }[];
  healing: {
    at: string;
    target: { service?: string; node?: string };
    failure: string;
    action: string;
    attempt: number;
    success: boolean;
    duration: number;
    reason: string;
  }[];
  breakers: BreakerState[];
}

export interface ServiceRecord {
  metadata: {
    name: string;
    organ: string;
    launchPhase: number;
    priority: string;
    dependencies: string[];
    softDependencies: string[];
    description: string;
  };
  status: string;
  instances: { node: string; pid: number; incarnation: number; status: string }[];
  restarts: number;
  restartAttempts: number;
  metrics: {
    requestCount: number;
    errorCount: number;
    avgResponseTime: number;
    p95ResponseTime: number;
    uptimePercentage: number;
  };
  why?: string;
}
