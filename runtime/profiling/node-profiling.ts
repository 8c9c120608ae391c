import type { ActionSchema, Context, ServiceBroker } from "moleculer";
import { collectGarbage } from "./collect-garbage.ts";
import { IdleCollection } from "./idle-collection.ts";
import { ProfileFiles } from "./profile-files.ts";
import { Profiler } from "./profiler.ts";

export interface ProfilingOptions {
  /** Called before the node's event loop stands still for about so many ms. */
  willBlock?: (ms: number) => void;
}

const seconds = { type: "number", integer: true, min: 1, max: 60, default: 10 } as const;

/** Actions of the service `node-performance`. Files go to `<data>/profiles` of the node's machine. */
export function profilingActions(
  broker: ServiceBroker,
  dataDir: string,
  options: ProfilingOptions = {},
): Record<string, ActionSchema> {
  const profiler = new Profiler({ files: new ProfileFiles(dataDir, broker.nodeID), ...options });
  const idle = new IdleCollection();
  const node = broker.nodeID;
  const actions = {
    /** A CPU profile for Chrome's tools, and the functions that took most time themselves. */
    profile: {
      params: { $$strict: true, seconds },
      timeout: 0,
      handler: async (ctx: Context<{ seconds: number }>) => ({ node, ...(await profiler.cpu(ctx.params.seconds)) }),
    },
    /** Who allocates what stays alive, by samples. */
    allocationProfile: {
      params: { $$strict: true, seconds },
      timeout: 0,
      handler: async (ctx: Context<{ seconds: number }>) => ({
        node,
        ...(await profiler.allocations(ctx.params.seconds)),
      }),
    },
    /** Everything in memory. The node stands still meanwhile; it says for how long. */
    heapSnapshot: {
      params: { $$strict: true },
      timeout: 0,
      handler: async () => ({ node, ...(await profiler.heapSnapshot()) }),
    },
    /** Collects all garbage at once, and says what that freed and how long the node stood still. */
    collectGarbage: {
      params: { $$strict: true },
      handler: () => ({ node, ...collectGarbage() }),
    },
    /** Whether garbage is collected while the node is idle. */
    collectWhenIdle: {
      params: { $$strict: true, on: "boolean" },
      handler(ctx: Context<{ on: boolean }>) {
        const before = idle.on;
        if (ctx.params.on) idle.start();
        else idle.stop();
        return { node, before, after: idle.on, runs: idle.runs };
      },
    },
  };
  return actions as unknown as Record<string, ActionSchema>;
}
