import type { Context } from "moleculer";
import { checkAlerts } from "../../../runtime/alerts/check-alerts.ts";
import { prometheusRules } from "../../../runtime/alerts/prometheus-rules.ts";
import { triedAlerts } from "./alerts/tried-alerts.ts";
import { ALERTS, COMMENT, ID } from "./params.ts";
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
  alertDefinitions: {
    description: "What is an alert, from which bounds on, where each comes from, and what is wrong with which file.",
    params: { $$strict: true },
    handler() {
      return engineOf(this).alerting.definitions.views;
    },
  },
  checkAlerts: {
    description: "What is wrong with alerts before any of them is there, and which would be bad now.",
    params: { $$strict: true, alerts: ALERTS },
    handler(ctx: Context<{ alerts: unknown }>) {
      const { alerting, ownMetrics, situation } = engineOf(this);
      const checked = checkAlerts(ctx.params.alerts, ownMetrics);
      return triedAlerts(checked, (definition) => alerting.manager.trial(definition, situation));
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
      return prometheusRules(engineOf(this).alerting.definitions.effective);
    },
  },
};
