import type { Context } from "moleculer";
import { AzoraError } from "../../../../runtime/errors.ts";
import { isCapturedEvent } from "../../../../runtime/record/configured-rules.ts";
import type { CaptureChange } from "../capture-switch.ts";
import type { ChainActions, ChainService } from "./chain-service.ts";

const EVENTS = {
  type: "array",
  optional: true,
  max: 100,
  items: { type: "string", min: 1, max: 220 },
} as const;

export const capturing: ChainActions = {
  captured: {
    description: "Which events are captured on every node; changes it where told to, and that is itself an entry.",
    params: { $$strict: true, off: { type: "boolean", optional: true }, events: EVENTS, without: EVENTS },
    async handler(this: ChainService, ctx: Context<CaptureChange>) {
      for (const event of ctx.params.events ?? []) mustFit(event);
      await this.capture.change(ctx.params, (data) => this.host.chain.log.log("chain.capture", data));
      return this.capture.view;
    },
  },
};

function mustFit(event: string): void {
  if (isCapturedEvent(event)) return;
  throw new AzoraError(
    "VALIDATION_ERROR",
    `events has "${event}", but must be a list such as order.**,page.seen=best-effort`,
    {
      field: "events",
      value: event,
    },
  );
}
