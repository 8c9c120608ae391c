import type { Context, ServiceSchema } from "moleculer";
import type { Accounting } from "./accounting.ts";

/** Lets the chain ask a node for what it has counted; also one that has nothing to say of its own accord. */
export function nodeAccounting(accounting: Accounting): ServiceSchema {
  return {
    name: "node-accounting",
    actions: {
      /** Has the node report what it has sent and received until now. `asked` stands in the report. */
      report: {
        params: { asked: { type: "number", integer: true, min: 0, convert: false }, $$strict: true },
        handler(ctx: Context<{ asked: number }>) {
          accounting.ask(ctx.params.asked);
        },
      },
    },
  } as ServiceSchema;
}
