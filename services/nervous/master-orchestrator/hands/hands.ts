import {
  ACTION_TYPES,
  type ActionType,
  type HealingDecision,
  type HealingRecord,
  type HealingResult,
  type HealingTarget,
} from "../../../../models/healing.ts";
import { AzoraError } from "../../../../runtime/errors.ts";
import { nearest } from "../../../../runtime/nearest.ts";
import type { Conductor } from "../conductor.ts";
import type { Operator } from "../operator.ts";
import { ORCHESTRATOR_NODE } from "../placement.ts";
import { ACTS, type Observation, type Patient } from "./acts.ts";
import { refuse } from "./refusal.ts";

/** What the healer orders. */
export interface Order {
  id: string;
  action: string;
  target: HealingTarget;
  parameters: Record<string, unknown>;
  /** ms */
  timeout: number;
  reason: string;
  failure?: string;
  evidence?: string[];
  decision?: HealingDecision;
  case?: string;
  signature?: string;
  attempt?: number;
  by?: "healer" | "operator";
}

/** What each action may be told. */
const PARAMETERS: Record<ActionType, Record<string, unknown>> = {
  restart: { force: { type: "boolean", optional: true } },
  "scale-up": { by: { type: "number", integer: true, min: 1, max: 8, optional: true } },
  "scale-down": { by: { type: "number", integer: true, min: 1, max: 8, optional: true } },
  reconnect: {
    what: { type: "array", items: { type: "enum", values: ["bus", "database", "cache"] }, min: 1, optional: true },
  },
  "clear-cache": {},
  failover: {},
  "resource-adjust": {
    concurrency: { type: "number", integer: true, min: 1, max: 10_000, optional: true, nullable: true },
    memoryLimitMB: { type: "number", integer: true, min: 64, max: 65_536, optional: true, nullable: true },
    atNextStart: { type: "boolean", optional: true },
    niceness: { type: "number", integer: true, min: -20, max: 19, optional: true },
  },
};

/** Carries out what the healer decides, and enters what was seen of it. */
export class Hands {
  readonly #conductor: Conductor;
  readonly #operator: Operator;

  constructor(conductor: Conductor, operator: Operator) {
    this.#conductor = conductor;
    this.#operator = operator;
  }

  /** Throws where the order is wrong; an action that fails or does not end in time is an outcome. */
  async act(order: Order): Promise<HealingResult> {
    const action = this.#action(order.action);
    const patient = this.#patient(order.target);
    this.#checkParameters(action, order.parameters);
    const { id, target, failure = "none", attempt = 1, reason: ordered, evidence, decision } = order;
    await this.#conductor.healing.onRecord(
      { id, target, failure, action, attempt, reason: ordered, evidence, alternatives: decision?.alternatives },
      "hands",
    );
    const since = Date.now();
    const tools = { conductor: this.#conductor, operator: this.#operator };
    let seen: Observation;
    try {
      seen = await within(ACTS[action](tools, patient, order.parameters as never, order.timeout), order.timeout);
    } catch (error) {
      const { message, type } = error as { message: string; type?: string };
      // Refused before anything was done.
      if (type === "HEALING_REFUSED" || type === "CONFLICT" || type === "VALIDATION_ERROR") throw error;
      seen = { success: false, before: "", after: this.#stateOf(patient), reason: message };
    }
    const duration = Date.now() - since;
    this.#enter(order, action, seen, since, duration);
    const { success, before, after, reason } = seen;
    return { id: order.id, success, observed: { before, after }, duration, reason };
  }

  #enter(order: Order, action: ActionType, seen: Observation, since: number, duration: number): void {
    const { id, target, failure = "none", evidence, decision, signature, attempt = 1, by = "healer" } = order;
    const record: HealingRecord = {
      id,
      at: new Date(since).toISOString(),
      target,
      failure,
      action,
      attempt,
      success: seen.success,
      observed: { before: seen.before, after: seen.after },
      duration,
      reason: seen.success ? `${order.reason}; ${seen.reason}` : seen.reason,
      detection: 0,
      by,
      ...(order.case ? { case: order.case } : {}),
      ...(evidence ? { evidence } : {}),
      ...(decision ? { decision } : {}),
      ...(signature ? { signature } : {}),
    };
    this.#conductor.healing.enter(record);
  }

  #action(name: string): ActionType {
    const known = ACTION_TYPES.find((one) => one === name);
    if (known) return known;
    const meant = nearest(name, ACTION_TYPES);
    throw new AzoraError(
      "HEALING_ACTION_UNKNOWN",
      `No healing action is named ${name}; ${meant ? `did you mean ${meant}?` : `there are ${ACTION_TYPES.join(", ")}`}`,
    );
  }

  #patient(target: HealingTarget): Patient {
    const { state } = this.#conductor;
    const service = target.service === undefined ? undefined : state.find(target.service);
    const node = target.node === undefined ? undefined : state.nodes.get(target.node);
    const unknown =
      target.service !== undefined && !service
        ? target.service
        : target.node !== undefined && !node
          ? target.node
          : undefined;
    if (unknown !== undefined || (!service && !node)) {
      const meant = nearest(unknown ?? "", [...state.services.keys(), ...state.nodes.keys()]);
      const detail = unknown
        ? `No service or node is named ${unknown}${meant ? `; did you mean ${meant}?` : ""}`
        : "Name a service or a node";
      throw new AzoraError("SERVICE_UNKNOWN", detail, { name: unknown, nearest: meant });
    }
    if (service?.planned.capabilities.includes("orchestrator"))
      refuse(
        `${service.planned.name} gives the orders and cannot carry this one out on itself; the spine restarts it when its process ends`,
      );
    if (!service && node?.id === ORCHESTRATOR_NODE)
      refuse(`${node.id} carries the orchestrator itself; the spine restarts it when its process ends`);
    if (service?.stopped) refuse(`${service.planned.name} was stopped by the operator; start it instead`);
    return { ...(service ? { service } : {}), ...(node ? { node } : {}), target };
  }

  #checkParameters(action: ActionType, parameters: Record<string, unknown>): void {
    const { validator } = this.#conductor.broker as unknown as {
      validator: { validate(params: unknown, schema: unknown): void };
    };
    validator.validate(parameters, { ...PARAMETERS[action], $$strict: true });
  }

  #stateOf({ service, node }: Patient): string {
    return service ? this.#conductor.state.statusOf(service) : node!.status;
  }
}

async function within<T>(work: Promise<T>, timeout: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new AzoraError("NOT_WITHIN_TIME", `it did not end within ${timeout} ms`)), timeout);
  });
  work.catch(() => {});
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
