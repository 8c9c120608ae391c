import type { ActionSchema, Context, ServiceBroker } from "moleculer";
import { findNodeContext } from "../node-context.ts";
import { collectGarbage } from "./collect-garbage.ts";
import { IdleCollection } from "./idle-collection.ts";
import type { Profiler } from "./profiler.ts";

const seconds = { type: "number", integer: true, min: 1, max: 60, default: 10 } as const;

/** Actions of the service `node-performance`. Files go to `<data>/profiles` of the node's machine. */
export function profilingActions(broker: ServiceBroker, dataDir: string): Record<string, ActionSchema> {
  let made: Promise<Profiler> | undefined;
  const profiler = () => {
    made ??= makeProfiler(broker, dataDir);
    return made;
  };
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
        const { kind, seconds } = params;
        const it = await profiler();
        return { node, ...(kind === "cpu" ? await it.cpu(seconds) : await it.allocations(seconds)) };
      },
    },
    /** Everything in memory. The node stands still meanwhile; it says for how long. */
    heapSnapshot: {
      params: { $$strict: true },
      timeout: 0,
      handler: async () => ({ node, ...(await (await profiler()).heapSnapshot()) }),
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

/** Loaded only where it is wanted: it brings V8's inspector with it. */
async function makeProfiler(broker: ServiceBroker, dataDir: string): Promise<Profiler> {
  const [{ Profiler }, { ProfileFiles }] = await Promise.all([import("./profiler.ts"), import("./profile-files.ts")]);
  return new Profiler({
    files: new ProfileFiles(dataDir, broker.nodeID),
    // Nobody should take it for a hang, and kill what stands still on purpose. Half as much again: machines differ.
    willBlock: (ms) => findNodeContext(broker)?.mesh.announceSilence(ms * 1.5),
  });
}
