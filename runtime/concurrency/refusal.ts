import { type Context, Errors } from "moleculer";
import { AzoraError } from "../errors.ts";
import type { ActionGate, Refusal } from "./action-gate.ts";

/** What the caller of a refused call gets. Under overload there are many of them, so they carry no stack. */
export function refusalOf(ctx: Context, gate: ActionGate, why: Refusal, retryAfter: number): Error {
  const { action, service } = gate;
  const nodeID = ctx.broker.nodeID;
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    if (why === "late") return new Errors.RequestSkippedError({ action, nodeID } as never);
    const cause =
      why === "overload"
        ? `node ${nodeID} is behind with its work`
        : why === "shed"
          ? `rules let fewer calls in to ${nodeID} while there is too much to do`
          : `${gate.running} calls of it run on ${nodeID} and ${gate.waiting} wait, more than it can answer in time`;
    return new AzoraError("OVERLOADED", `${action} was not begun: ${cause}`, { action, service, nodeID, retryAfter });
  } finally {
    Error.stackTraceLimit = limit;
  }
}
