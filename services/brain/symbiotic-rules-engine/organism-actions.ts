import type { Context } from "moleculer";
import { STEP, TIME } from "./params.ts";
import { type Actions, running } from "./served-engine.ts";

type Times = { from?: number | string; to?: number | string };

/** What the organism is, and was. */
export const organismActions: Actions = {
  state: {
    description: "The seven systems with all that is measured of them, who calls whom, and harmony.",
    params: { $$strict: true },
    handler() {
      return running(this).state();
    },
  },
  harmony: {
    description: "How well the organism is, 0 to 100, and how much of that is known.",
    params: { $$strict: true },
    handler() {
      return running(this).state().harmony;
    },
  },
  explain: {
    description: "Which system and metric cost how many points, and what would give most back.",
    params: { $$strict: true },
    handler() {
      return running(this).explanation();
    },
  },
  history: {
    description: "Recorded values: the last hour by the second, the last day by the minute.",
    params: {
      $$strict: true,
      from: TIME,
      to: TIME,
      step: STEP,
      columns: { type: "string", max: 20_000, optional: true },
    },
    handler(ctx: Context<Times & { step: number; columns?: string }>) {
      const { columns, ...asked } = ctx.params;
      return running(this).stretch({ ...asked, ...(columns ? { columns: columns.split(",") } : {}) });
    },
  },
};
