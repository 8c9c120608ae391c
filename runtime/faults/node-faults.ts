import type { Context, ServiceBroker, ServiceSchema } from "moleculer";
import { AzoraError } from "../errors.ts";
import { removeFills } from "./disk-filler.ts";
import type { Faults } from "./faults.ts";
import { MAX_DURATION_MS, readFault } from "./node-fault.ts";

const run = { type: "string", min: 1, max: 100 } as const;
const CONFIRM_TIMEOUT_MS = 3000;

interface InjectParams {
  run: string;
  duration: number;
  fault: object;
}

/**
 * What breaks things in a node, on command of `chaos-monkey`. Being on the bus is not enough to call it: each command
 * names a run, and `chaos-monkey` is asked whether that run is under way.
 */
export function nodeFaults(broker: ServiceBroker, faults: Faults, dataDir: string): ServiceSchema {
  async function confirm(id: string): Promise<void> {
    const refused = (why: string) =>
      new AzoraError("CHAOS_REFUSED", `Nothing is broken on ${broker.nodeID}: ${why}`, { run: id });
    let isRunning: unknown;
    try {
      isRunning = await broker.call("chaos-monkey.confirm", { run: id }, { timeout: CONFIRM_TIMEOUT_MS });
    } catch (error) {
      throw refused(`chaos-monkey cannot be asked about run ${id}: ${(error as Error).message}`);
    }
    if (isRunning !== true) throw refused(`chaos-monkey knows of no run ${id} under way`);
  }

  return {
    name: "node-faults",
    actions: {
      /** Begins one fault. It ends with its run, after `duration` ms, or when the node that asked for it is gone. */
      inject: {
        params: {
          run,
          duration: { type: "number", integer: true, min: 1, max: MAX_DURATION_MS },
          fault: { type: "object" },
          $$strict: true,
        },
        async handler(ctx: Context<InjectParams>) {
          const { run: id, duration, fault: given } = ctx.params;
          const read = readFault(given);
          if ("errors" in read) {
            const errors = read.errors.map((error) => ({ ...error, field: `fault.${error.field}` }));
            const { field, value, allowed } = errors[0]!;
            throw new AzoraError("VALIDATION_ERROR", `${field} is ${JSON.stringify(value)}: ${allowed}`, { errors });
          }
          await confirm(id);
          broker.logger.warn(`chaos: ${JSON.stringify(read.fault)} for at most ${duration} ms`);
          return faults.begin(id, ctx.nodeID ?? broker.nodeID, duration, read.fault);
        },
      },

      /** Ends the faults of a run on this node, and says of each how it ended. */
      undo: {
        params: { run, $$strict: true },
        handler: (ctx: Context<{ run: string }>) => faults.undo({ run: ctx.params.run }),
      },

      /** The faults that are there now. */
      active: { params: { $$strict: true }, handler: () => faults.active() },

      /** Who called whom on this node since `watch-calls` began. */
      calls: { params: { $$strict: true }, handler: () => faults.calls() },
    },

    events: {
      "chaos.over"(ctx: Context<{ run: string }>) {
        if (typeof ctx.params?.run === "string") void faults.undo({ run: ctx.params.run });
      },
      "$node.disconnected"(ctx: Context<{ node: { id: string } }>) {
        void faults.undo({ by: ctx.params.node.id });
      },
    },

    started() {
      const removed = removeFills(dataDir, broker.nodeID);
      if (removed.length > 0) broker.logger.warn(`chaos: removed what filled the disk: ${removed.join(", ")}`);
    },

    async stopped() {
      for (const { run: id } of faults.active()) await faults.undo({ run: id });
    },
  } as ServiceSchema;
}
