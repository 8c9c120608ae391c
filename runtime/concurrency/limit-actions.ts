import type { ActionSchema, Context } from "moleculer";
import { AzoraError } from "../errors.ts";
import type { ActionGate } from "./action-gate.ts";
import type { ConcurrencyLimits } from "./concurrency-limits.ts";

const bound = { type: "number", integer: true, min: 1, max: 100_000, optional: true } as const;

/** How an action is limited now. Latencies in ms. */
export interface LimitState {
  action: string;
  service: string;
  priority: string;
  running: number;
  waiting: number;
  /** Null where there is none. */
  limit: number | null;
  floor: number | null;
  ceiling: number | null;
  latency: number;
  /** Of a quiet time; 0 while it is not known. */
  quietLatency: number;
}

/** What can be asked of a node's limits, and changed. */
export function limitActions(limits: ConcurrencyLimits): Record<string, ActionSchema> {
  const actions = {
    /** How each action that was called here is limited. */
    limits: {
      params: { service: { type: "string", min: 1, max: 200, optional: true }, $$strict: true },
      handler: (ctx: Context<{ service?: string }>) =>
        [...limits.gates]
          .filter(({ service }) => ctx.params.service === undefined || service === ctx.params.service)
          .map(stateOf),
    },

    /** Bounds between which an action's limit moves. */
    limitBounds: {
      params: { action: { type: "string", min: 1, max: 400 }, floor: bound, ceiling: bound, $$strict: true },
      handler(ctx: Context<{ action: string; floor?: number; ceiling?: number }>) {
        const { action, ...given } = ctx.params;
        const limit = limits.gate(action)?.limit;
        if (!limit) throw new AzoraError("NOT_FOUND", `${action} has no limit of its own on this node`, { action });
        const before = limit.bounds;
        const after = { ...before, ...given };
        if (after.floor > after.ceiling)
          throw new AzoraError(
            "VALIDATION_ERROR",
            `floor is ${after.floor}, but must be at most the ceiling, ${after.ceiling}`,
            {
              errors: [{ field: "floor", value: after.floor, allowed: `at most ${after.ceiling}` }],
            },
          );
        limit.bound(given);
        return { before, after: limit.bounds };
      },
    },
  };
  return actions as unknown as Record<string, ActionSchema>;
}

function stateOf({ action, service, priority, running, waiting, limit, work }: ActionGate): LimitState {
  return {
    action,
    service,
    priority,
    running,
    waiting,
    limit: limit?.limit ?? null,
    floor: limit?.bounds.floor ?? null,
    ceiling: limit?.bounds.ceiling ?? null,
    latency: limit?.latency ?? work,
    quietLatency: limit?.quietLatency ?? 0,
  };
}
