import type { TopologyService } from "../../../../models/topology.ts";
import {
  DEFAULT_COOLDOWN_MS,
  DEFAULT_COST_MS,
  DEFAULT_TIMEOUT_MS,
  type HealingAction,
  type Outcome,
} from "./healing-action.ts";

/** Calls an action of the bus. */
export type Call = (action: string, params: object, options: { timeout: number; nodeID?: string }) => Promise<unknown>;

interface OwnAnswer {
  success?: unknown;
  reason?: unknown;
  observed?: { before?: unknown; after?: unknown };
}

const HEALTH_TIMEOUT_MS = 2000;

/** What a service can do for itself, as its `metadata.healing.actions` says. */
export function ownActions({ name, healing }: TopologyService, call: Call): HealingAction[] {
  return (healing.actions ?? []).map((own) => ({
    type: own.type,
    origin: "service" as const,
    service: name,
    description: own.description ?? `${name}.${own.action}`,
    timeout: own.timeout ?? DEFAULT_TIMEOUT_MS,
    cooldown: own.cooldown ?? DEFAULT_COOLDOWN_MS,
    failures: own.failures ?? [],
    cost: own.cost ?? DEFAULT_COST_MS,
    journaled: false,
    async carryOut({ target, parameters, timeout }) {
      const where = target.node === undefined ? {} : { nodeID: target.node };
      const health = () => healthOf(name, call, where);
      const before = await health();
      const { force: _force, ...params } = parameters;
      const answer = (await call(`${name}.${own.action}`, params, { timeout, ...where })) as OwnAnswer | undefined;
      return judged(answer ?? {}, before, await health());
    },
  }));
}

/** The service says itself what it saw; where it does not, its health does. */
function judged({ success, reason, observed }: OwnAnswer, before: string, after: string): Outcome {
  const seen = { before: String(observed?.before ?? before), after: String(observed?.after ?? after) };
  if (typeof success === "boolean") {
    return { success, observed: seen, reason: typeof reason === "string" ? reason : `the service says so` };
  }
  const well = after.startsWith("healthy");
  return { success: well, observed: seen, reason: well ? "the service is healthy" : `the service is ${after} still` };
}

async function healthOf(name: string, call: Call, where: { nodeID?: string }): Promise<string> {
  try {
    const answer = (await call(`${name}.health`, {}, { timeout: HEALTH_TIMEOUT_MS, ...where })) as { status?: string };
    return answer?.status ?? "healthy";
  } catch (error) {
    const { type, message, data } = error as { type?: string; message: string; data?: { action?: string } };
    // Services need no health action.
    if (type === "SERVICE_NOT_FOUND" && data?.action === `${name}.health`) return "healthy, as far as can be seen";
    return `unhealthy: ${message}`;
  }
}
