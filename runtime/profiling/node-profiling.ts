import type { ActionSchema, Context, ServiceBroker } from "moleculer";
import { findNodeContext } from "../node-context.ts";
import { collectGarbage } from "./collect-garbage.ts";
import { IdleCollection } from "./idle-collection.ts";
import { ProfileFiles } from "./profile-files.ts";
import { Profiler } from "./profiler.ts";

const seconds = { type: "number", integer: true, min: 1, max: 60, default: 10 } as const;

/** Actions of the service `node-performance`. Files go to `<data>/profiles` of the node's machine. */
export function profilingActions(broker: ServiceBroker, dataDir: string): Record<string, ActionSchema> {
  const files = new ProfileFiles(dataDir, broker.nodeID);
  // Nobody should take it for a hang, and kill what stands still on purpose. Half as much again: machines differ.
  const willBlock = (ms: number) => findNodeContext(broker)?.mesh.announceSilence(ms * 1.5);
  const profiler = new Profiler({ files, willBlock });
  const idle = new IdleCollection();
  const node = broker.nodeID;
  const actions = {
    /**
     * `cpu`: where the time goes, with the functions that took most of it themselves; `allocations`: who allocates what stays
     * alive. Both are files for Chrome's tools.
     */
    profile: {
      params: { $$strict: true, seconds, kind: { type: "enum", values: ["cpu", "allocations"], default: "cpu" } },
      timeout: 0,
      async handler({ params }: Context<{ seconds: number; kind: "cpu" | "allocations" }>) {
        const profile = params.kind === "cpu" ? profiler.cpu(params.seconds) : profiler.allocations(params.seconds);
        return { node, ...(await profile) };
      },
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
