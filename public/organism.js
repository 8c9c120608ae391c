import { get } from "./api.js";

/** Metrics are in no stream message. */
const RECORDS_EVERY_MS = 5000;
/** The stream tells the status once a second; when something happens, it is asked for this soon. */
const STATUS_SOON_MS = 80;

/**
 * What the page knows. Dispatches `status`, `records` (the services' records), `plan` (dependencies), `happened`
 * (detail: a healing_event or service_event message) and `successor` (detail: the status that a new orchestrator tells).
 */
export class Organism extends EventTarget {
  /** @type {import("./types.js").OrganismStatus|undefined} */
  status;
  /** @type {Map<string, import("./types.js").ServiceRecord>} */
  records = new Map();
  /** @type {import("./types.js").Dependencies} */
  plan = { nodes: [], edges: [], order: [] };
  #recordsAt = 0;
  #planShape = "";
  #statusTimer = 0;

  /** One message of the stream. */
  take({ type, at, data }) {
    if (type === "status_update") this.#takeStatus(data);
    else if (type === "launch_progress" && this.status) {
      const { phase, started, total, done } = data;
      this.status = { ...this.status, launch: { phase, started, total, done } };
      this.#tell("status");
    } else if (type === "health_update") this.#takeRecord(data);
    else if (type === "healing_event" || type === "service_event") {
      this.#tell("happened", { type, at, data });
      this.#askStatusSoon();
    }
  }

  /** What the service needs and what was given up; it goes on without it. */
  lacking(name) {
    const needed = this.plan.edges.filter(({ from, kind }) => from === name && kind === "hard");
    return needed.map(({ to }) => to).filter((to) => this.records.get(to)?.status === "quarantined");
  }

  /** Reads all that no message brings. */
  async refresh() {
    this.#recordsAt = Date.now();
    const [records, plan] = await Promise.all([get("/orchestrator/services"), get("/orchestrator/dependencies")]);
    this.records = new Map(records.map((record) => [record.metadata.name, record]));
    this.#tell("records");
    const shape = JSON.stringify([plan.order, plan.edges]);
    if (shape === this.#planShape) return;
    this.#planShape = shape;
    this.plan = plan;
    this.#tell("plan");
  }

  #askStatusSoon() {
    if (this.#statusTimer !== 0 || document.hidden) return;
    this.#statusTimer = setTimeout(async () => {
      this.#statusTimer = 0;
      await get("/orchestrator/status").then(
        (status) => this.#takeStatus(status),
        () => {},
      );
    }, STATUS_SOON_MS);
  }

  #takeStatus(status) {
    const before = this.status;
    this.status = status;
    this.#tell("status");
    if (before && before.epoch !== status.epoch) this.#tell("successor", status);
    const known = this.records.size === status.services.total;
    const due = Date.now() - this.#recordsAt >= RECORDS_EVERY_MS;
    const differs = JSON.stringify(before?.services) !== JSON.stringify(status.services);
    if (!document.hidden && (due || differs || !known)) this.refresh().catch(() => {});
  }

  #takeRecord(record) {
    const { name } = record.metadata;
    const known = this.records.get(name);
    const metrics = known?.metrics ?? record.metrics;
    this.records.set(name, { ...record, metrics });
    this.#tell("records");
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
