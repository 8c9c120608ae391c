import type { Context } from "moleculer";
import { COMMENT, ID } from "./params.ts";
import { type Actions, engineOf, OPERATOR, running } from "./served-engine.ts";

/** Alerts: to see, acknowledge and silence them. */
export const alertActions: Actions = {
  alerts: {
    description: "What is wrong now, and what was a little while ago.",
    params: { $$strict: true },
    handler() {
      return engineOf(this).alerting.manager.list();
    },
  },
  acknowledge: {
    description: "Says that somebody is at it: the alert is not sent again.",
    params: { $$strict: true, id: ID, comment: COMMENT },
    handler(ctx: Context<{ id: string; comment?: string }>) {
      return engineOf(this).alerting.manager.acknowledge(ctx.params.id, OPERATOR, ctx.params.comment ?? "");
    },
  },
  silences: {
    description: "Which alerts are kept quiet, and until when.",
    params: { $$strict: true },
    handler() {
      return engineOf(this).alerting.manager.silences();
    },
  },
  silence: {
    description: "Keeps alerts quiet for a time.",
    params: {
      $$strict: true,
      matchers: { type: "object" },
      duration: { type: "number", integer: true, min: 1000, max: 30 * 24 * 3_600_000, convert: true },
      comment: COMMENT,
    },
    handler(ctx: Context<{ matchers: Record<string, string>; duration: number; comment?: string }>) {
      return running(this).silence(ctx.params, OPERATOR);
    },
  },
  removeSilence: {
    description: "Ends a silence before its time.",
    params: { $$strict: true, id: ID },
    handler(ctx: Context<{ id: string }>) {
      return engineOf(this).alerting.manager.removeSilence(ctx.params.id);
    },
  },
  prometheusRules: {
    description: "The same alerts as rules for Prometheus, as YAML.",
    params: { $$strict: true },
    handler() {
      return running(this).prometheusRules();
    },
  },
};
