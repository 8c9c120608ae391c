import type { Clock } from "../../../runtime/clock.ts";

export type HealthStatus = "healthy" | "degraded" | "unhealthy";

export interface HealthReport {
  status: HealthStatus;
  checks: Record<string, unknown>;
}

/** Names in `/health/<system>`, and the service that answers for each. */
export const SYSTEMS = {
  orchestrator: "master-orchestrator",
  "auto-healer": "auto-healer",
  symbiotic: "symbiotic-rules-engine",
  blockchain: "blockchain-logger",
  performance: "performance-optimizer",
} as const;

/** What the checks need of the broker. */
export interface Organism {
  exists(action: string): boolean;
  call(action: string): Promise<unknown>;
}

/** A system that says nothing for so long is unhealthy, ms. */
const PATIENCE = 2_000;
/** An answer serves everybody who asks within this time, ms: asking must not become a load on what is ill. */
const FRESH = 1_000;

/** Health of the runtime systems as the gateway sees it. */
export class HealthChecks {
  readonly #organism: Organism;
  readonly #clock: Clock;
  readonly #answers = new Map<string, { at: number; report: Promise<HealthReport> }>();

  constructor(organism: Organism, clock: Clock) {
    this.#organism = organism;
    this.#clock = clock;
  }

  /** One system; undefined where there is no such system, or nobody who answers for it. */
  async system(name: string): Promise<HealthReport | undefined> {
    const service = Object.hasOwn(SYSTEMS, name) ? SYSTEMS[name as keyof typeof SYSTEMS] : undefined;
    const action = `${service}.health`;
    if (!service || !this.#organism.exists(action)) return undefined;
    return this.#once(name, () => this.#ask(action));
  }

  /**
   * The whole: `unhealthy` when the gateway or the orchestrator is, `degraded` when anything else is not healthy or there
   * is no orchestrator to ask.
   */
  async whole(gateway: HealthReport): Promise<HealthReport> {
    const names = Object.keys(SYSTEMS);
    const reports = await Promise.all(names.map((name) => this.system(name)));
    const checks: Record<string, unknown> = { gateway };
    names.forEach((name, index) => {
      if (reports[index]) checks[name] = reports[index];
    });
    if (!reports[0]) checks["orchestrator"] = { status: "degraded", checks: {}, why: "no orchestrator answers" };
    const leading = [gateway.status, reports[0]?.status];
    const all = [gateway.status, ...reports.map((report) => report?.status ?? "healthy")];
    if (leading.includes("unhealthy")) return { status: "unhealthy", checks };
    const well = reports[0] !== undefined && all.every((status) => status === "healthy");
    return { status: well ? "healthy" : "degraded", checks };
  }

  #once(key: string, ask: () => Promise<HealthReport>): Promise<HealthReport> {
    const known = this.#answers.get(key);
    if (known && this.#clock.now() - known.at < FRESH) return known.report;
    const report = ask();
    this.#answers.set(key, { at: this.#clock.now(), report });
    return report;
  }

  async #ask(action: string): Promise<HealthReport> {
    let cancel = () => {};
    const late = new Promise<HealthReport>((resolve) => {
      cancel = this.#clock.after(PATIENCE, () => resolve(unhealthy(`no answer within ${PATIENCE} ms`)));
    });
    const answer = this.#organism.call(action).then(asReport, () => unhealthy("its health check failed"));
    return Promise.race([answer, late]).finally(cancel);
  }
}

const unhealthy = (why: string): HealthReport => ({
  status: "unhealthy",
  checks: { answer: { status: "unhealthy", why } },
});

function asReport(answer: unknown): HealthReport {
  const { status, checks } = (answer ?? {}) as Partial<HealthReport>;
  if (status !== "healthy" && status !== "degraded" && status !== "unhealthy") {
    return unhealthy("its health check gave no status");
  }
  return { status, checks: typeof checks === "object" && checks !== null ? checks : {} };
}
