import type { HealingPriority, HealingRecord, HealingResult } from "../models/healing.ts";
import { type LinkOptions, OrganismError, OrganismLink } from "./organism-link.ts";

/** What is to be done. */
export interface HealingActionRequest {
  /** The same id is carried out once, and answered with the first outcome. */
  id: string;
  /** A service by its name, or a node by its id. */
  service?: string;
  /** Only the service's instance on this node, or the node itself where no service is named. */
  node?: string;
  /** `restart`, `scale-up`, `scale-down`, `reconnect`, `clear-cache`, `failover`, `resource-adjust`, or one that a service or plug-in offers. */
  actionType: string;
  /** @default "medium" */
  priority?: HealingPriority;
  /** @default {} */
  parameters?: Record<string, unknown>;
  /** ms, 1 to 600000. @default that of the action, mostly 30000 */
  timeout?: number;
}

export type { Broker } from "./organism-link.ts";
export type AutoHealerOptions = LinkOptions;

/** What was refused, or could not be asked. `code` is one of the codes of docs/errors.md. */
export class AutoHealerError extends OrganismError {}

/** What an action may take beyond its own time, for its turn and its answer, ms. */
const GRACE_MS = 60_000;
const LONGEST_MS = 600_000;

/** Heals services of an organism from another program. */
export class AzoraAutoHealer {
  readonly #link: OrganismLink;

  constructor(options: AutoHealerOptions = {}) {
    this.#link = new OrganismLink("auto-healer", options, AutoHealerError);
  }

  /**
   * Finds the organism.
   * @throws AutoHealerError SERVICE_UNAVAILABLE where it does not answer
   */
  initialize(): Promise<void> {
    return this.#link.find();
  }

  /**
   * Carries out one action, and answers when its outcome was seen. An action that did not help is no error: `success` is
   * false, and `reason` says why.
   * @throws AutoHealerError HEALING_ACTION_UNKNOWN, SERVICE_UNKNOWN, VALIDATION_ERROR, HEALING_COOLDOWN, HEALING_REFUSED,
   * UNAUTHORIZED …
   */
  executeHealingAction(request: HealingActionRequest): Promise<HealingResult> {
    return this.#link.ask({
      action: "auto-healer.execute",
      params: request,
      method: "POST",
      path: "/orchestrator/heal",
      body: request,
      timeout: (request.timeout ?? LONGEST_MS) + GRACE_MS,
    });
  }

  /** What was done lately in the organism, whoever did it, newest first. @param limit 1 to 1000 */
  async getRecentHealingActions(limit = 20): Promise<HealingRecord[]> {
    if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
      throw new AutoHealerError("VALIDATION_ERROR", `limit is ${limit}, but must be a whole number from 1 to 1000`);
    }
    const path = `/orchestrator/healing-history?limit=${limit}`;
    return this.#link.ask({ action: "master-orchestrator.history", params: { limit }, path });
  }

  /** Waits for nothing any longer. A broker that was given goes on. */
  async shutdown(): Promise<void> {
    this.#link.end();
  }
}
