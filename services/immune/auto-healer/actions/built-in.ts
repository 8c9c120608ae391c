import { ACTION_TYPES, type ActionType, type HealingResult } from "../../../../models/healing.ts";
import {
  DEFAULT_COOLDOWN_MS,
  DEFAULT_COST_MS,
  DEFAULT_TIMEOUT_MS,
  type HealingAction,
  type Order,
} from "./healing-action.ts";

interface Shape {
  description: string;
  parameters: Record<string, unknown>;
  /** Lost time, ms. */
  cost: number;
}

/** `force` is read by the healer for every action: it skips the cooldown. */
export const FORCE = { type: "boolean", optional: true } as const;

const SHAPES: Record<ActionType, Shape> = {
  restart: {
    description: "Restarts a service in its process, or a node's process. force: without waiting for calls in flight.",
    parameters: { force: FORCE },
    cost: 500,
  },
  "scale-up": {
    description: "Adds nodes to the organ. by: how many, 1 to 8 (1).",
    parameters: { force: FORCE, by: { type: "number", integer: true, min: 1, max: 8, optional: true } },
    cost: 2000,
  },
  "scale-down": {
    description:
      "Takes nodes of the organ away, the last ones first; calls in flight may end. by: how many, 1 to 8 (1).",
    parameters: { force: FORCE, by: { type: "number", integer: true, min: 1, max: 8, optional: true } },
    cost: 1000,
  },
  reconnect: {
    description: 'Makes connections anew. what: of "bus", "database", "cache" (all).',
    parameters: {
      force: FORCE,
      what: {
        type: "array",
        items: { type: "enum", values: ["bus", "database", "cache"] },
        min: 1,
        unique: true,
        optional: true,
      },
    },
    cost: 200,
  },
  "clear-cache": { description: "Empties the service's part of the cache.", parameters: { force: FORCE }, cost: 100 },
  failover: {
    description: "Has another node of the organ take the service over, or its standby take its calls.",
    parameters: { force: FORCE },
    cost: 1500,
  },
  "resource-adjust": {
    description:
      "Gives more or less. concurrency: calls of a service at once, 1 to 10000, null for no limit; memoryLimitMB: heap of a node, 64 to 65536, null for Node's own, atNextStart: without a restart now; niceness: of a node, -20 to 19.",
    parameters: {
      force: FORCE,
      concurrency: { type: "number", integer: true, min: 1, max: 10_000, optional: true, nullable: true },
      memoryLimitMB: { type: "number", integer: true, min: 64, max: 65_536, optional: true, nullable: true },
      atNextStart: { type: "boolean", optional: true },
      niceness: { type: "number", integer: true, min: -20, max: 19, optional: true },
    },
    cost: 100,
  },
};

/** @param act has the orchestrator carry it out, and answers when it has seen the outcome */
export function builtInActions(act: (order: Order) => Promise<HealingResult>): HealingAction[] {
  return ACTION_TYPES.map((type) => ({
    type,
    origin: "built-in" as const,
    ...SHAPES[type],
    timeout: DEFAULT_TIMEOUT_MS,
    cooldown: DEFAULT_COOLDOWN_MS,
    failures: [],
    cost: SHAPES[type].cost ?? DEFAULT_COST_MS,
    journaled: true,
    async carryOut(order: Order) {
      const { success, observed, reason } = await act(order);
      return { success, observed, reason };
    },
  }));
}
