import type { Context } from "moleculer";
import { ENABLED, ID, LIMIT, MODE, RULE, RULES, STEP, TIME, VERSION, YES } from "./params.ts";
import { type Actions, engineOf, OPERATOR, running, UNBOUNDED } from "./served-engine.ts";

type Times = { from?: number | string; to?: number | string };

/** Rules: to see, try, change and execute them. */
export const ruleActions: Actions = {
  rules: {
    description: "All rules, where they come from, and what is wrong with which.",
    params: { $$strict: true },
    handler() {
      return running(this).ruleViews();
    },
  },
  rule: {
    description: "One rule with its versions.",
    params: { $$strict: true, id: ID },
    handler(ctx: Context<{ id: string }>) {
      return running(this).rule(ctx.params.id);
    },
  },
  why: {
    description: "Why a rule fires, or does not.",
    params: { $$strict: true, id: ID },
    handler(ctx: Context<{ id: string }>) {
      return running(this).why(ctx.params.id);
    },
  },
  checkRules: {
    description: "What is wrong with rules, and which would fight, before any of them is there.",
    ...UNBOUNDED,
    params: { $$strict: true, rules: RULES },
    handler(ctx: Context<{ rules: unknown }>) {
      return running(this).check(ctx.params.rules);
    },
  },
  replay: {
    description: "What rules would have done in a stretch of recorded values.",
    ...UNBOUNDED,
    params: {
      $$strict: true,
      rules: RULES.map((one) => ({ ...one, optional: true })),
      from: TIME,
      to: TIME,
      step: STEP,
    },
    handler(ctx: Context<Times & { rules?: unknown; step: number }>) {
      return running(this).replay(ctx.params);
    },
  },
  putRule: {
    description: "Adds a rule, or puts another text in its place.",
    ...UNBOUNDED,
    params: { $$strict: true, rule: RULE },
    handler(ctx: Context<{ rule: object }>) {
      return running(this).putRule(ctx.params.rule, OPERATOR);
    },
  },
  changeRule: {
    description: "Enables or disables a rule, or has it say what it would do without doing it.",
    params: { $$strict: true, id: ID, enabled: ENABLED, mode: MODE },
    handler(ctx: Context<{ id: string; enabled?: boolean; mode?: "shadow" | "on" }>) {
      const { id, ...change } = ctx.params;
      return running(this).changeRule(id, change, OPERATOR);
    },
  },
  restoreRule: {
    description: "Makes an older version of a rule the newest.",
    params: { $$strict: true, id: ID, version: VERSION },
    handler(ctx: Context<{ id: string; version: number }>) {
      return running(this).restoreRule(ctx.params.id, ctx.params.version, OPERATOR);
    },
  },
  removeRule: {
    description: "Removes a rule that came through the API, or what the API has changed of a file's one.",
    params: { $$strict: true, id: ID },
    handler(ctx: Context<{ id: string }>) {
      return running(this).removeRule(ctx.params.id, OPERATOR);
    },
  },
  execute: {
    description: "Looks whether a rule holds now, and acts if it does; with `wait` the effect is watched first.",
    ...UNBOUNDED,
    params: { $$strict: true, rule: [RULE, ID], wait: YES },
    handler(ctx: Context<{ rule: object | string; wait: boolean }>) {
      return running(this).execute(ctx.params.rule, ctx.params.wait);
    },
  },
  conflicts: {
    description: "Which of the rules that are loaded fight, with an example.",
    params: { $$strict: true },
    handler() {
      return running(this).conflicts();
    },
  },
  faults: {
    description: "What is wrong with rules and their files, also with rules that are therefore not there.",
    params: { $$strict: true },
    handler() {
      return running(this).ruleFaults();
    },
  },
  executions: {
    description: "What rules did and what came of it, newest first.",
    params: { $$strict: true, limit: LIMIT, rule: { ...ID, optional: true } },
    handler(ctx: Context<{ limit: number; rule?: string }>) {
      return engineOf(this).executions.newest(ctx.params.limit, ctx.params.rule);
    },
  },
  held: {
    description: "What rules hold at another value than its own, and since when.",
    params: { $$strict: true },
    handler() {
      return engineOf(this).actor.held();
    },
  },
  flags: {
    description: "Flags that rules have set.",
    params: { $$strict: true },
    handler() {
      return engineOf(this).actor.flags();
    },
  },
};
