import type { Context, Service } from "moleculer";
import { type HealingRecord, RUNGS, type Rung } from "../../../../models/healing.ts";
import type { Conductor } from "../conductor.ts";
import type { Hands, Order } from "./hands.ts";
import type { HealerLease } from "./healer-lease.ts";
import { topology } from "./topology.ts";

interface Carrier extends Service {
  conductor: Conductor;
  hands: Hands;
  healers: HealerLease;
}

const epoch = { type: "number", integer: true, min: 0 } as const;
const target = {
  type: "object",
  strict: true,
  props: {
    service: { type: "string", min: 1, max: 200, optional: true },
    node: { type: "string", min: 1, max: 200, optional: true },
  },
} as const;
const MAX_HISTORY = 1000;

/** What the other runtime systems may ask of the orchestrator. Whoever changes something shows the healer's epoch. */
export const handActions = {
  topology: {
    visibility: "public" as const,
    handler(this: Carrier) {
      return topology(this.conductor);
    },
  },

  /** A healer signs on; from now on only its epoch may act. */
  enlist: {
    visibility: "public" as const,
    params: { instance: { type: "string", min: 1, max: 200 } },
    handler(this: Carrier, ctx: Context<{ instance: string }>) {
      return { epoch: this.healers.enlist(ctx.params.instance) };
    },
  },

  /** Carries out one healing action, and answers with what was seen. */
  act: {
    visibility: "public" as const,
    timeout: 0,
    params: {
      epoch,
      id: { type: "string", min: 1, max: 200 },
      action: { type: "string", min: 1, max: 60 },
      target,
      parameters: { type: "object", default: () => ({}) },
      timeout: { type: "number", min: 1, max: 600_000, default: 30_000 },
      reason: { type: "string", max: 2000, default: "it was asked for" },
      attempt: { type: "number", integer: true, min: 0, max: 1000, default: 1 },
    },
    handler(this: Carrier, ctx: Context<Order & { epoch: number }>) {
      this.healers.check(ctx.params.epoch);
      return this.hands.act(ctx.params);
    },
  },

  /** Enters an act that the healer carried out itself, by a service's own action for example. */
  record: {
    visibility: "public" as const,
    params: {
      epoch,
      record: {
        type: "object",
        props: {
          id: { type: "string", min: 1, max: 200 },
          at: "string",
          target,
          failure: "string",
          action: "string",
          attempt: "number",
          success: "boolean",
          observed: { type: "object", props: { before: "string", after: "string" } },
          duration: "number",
          reason: { type: "string", max: 4000 },
          detection: { type: "number", default: 0 },
        },
      },
    },
    handler(this: Carrier, ctx: Context<{ epoch: number; record: HealingRecord }>) {
      this.healers.check(ctx.params.epoch);
      this.conductor.healing.enter(ctx.params.record);
    },
  },

  /** With which rung to begin, by the kind of failure. */
  advise: {
    visibility: "public" as const,
    params: {
      epoch,
      advice: { type: "record", key: "string", value: { type: "enum", values: [...RUNGS] } },
      mode: { type: "enum", values: ["off", "shadow", "on"] },
    },
    handler(
      this: Carrier,
      ctx: Context<{ epoch: number; advice: Record<string, Rung>; mode: "off" | "shadow" | "on" }>,
    ) {
      this.healers.check(ctx.params.epoch);
      this.conductor.advice.take(ctx.params.advice, ctx.params.mode);
    },
  },

  /** What was done, newest first. */
  history: {
    visibility: "public" as const,
    params: {
      limit: { type: "number", integer: true, min: 1, max: MAX_HISTORY, default: 100 },
      service: { type: "string", optional: true },
      node: { type: "string", optional: true },
      id: { type: "string", optional: true },
    },
    handler(this: Carrier, ctx: Context<{ limit: number; service?: string; node?: string; id?: string }>) {
      const { limit, service, node, id } = ctx.params;
      return this.conductor.journal.state.healing
        .filter(
          (record) =>
            (!service || record.target.service === service) &&
            (!node || record.target.node === node) &&
            (!id || record.id === id || record.case === id),
        )
        .slice(-limit)
        .reverse();
    },
  },
};
