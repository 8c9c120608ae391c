import { randomUUID } from "node:crypto";
import type { Context } from "moleculer";
import { type StoreSchema, type StoreService, store } from "../../../mixins/store/store.ts";
import {
  type Detection,
  FAILURES,
  HEALING_PRIORITIES,
  type HealingRecord,
  type HealingRequest,
} from "../../../models/healing.ts";
import { CASE_OUTCOMES, healingCaseModel } from "../../../models/healing-case.model.ts";
import { healingLessonsModel } from "../../../models/healing-lessons.model.ts";
import { type Clock, systemClock } from "../../../runtime/clock.ts";
import { RUNTIME_CAPABILITY } from "../../../runtime/discovery/plan.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import { readSettings } from "../../../runtime/settings.ts";
import type { Report } from "./detection/node-senses.ts";
import { explain, story } from "./explain.ts";
import { count } from "./figures.ts";
import { Healer } from "./healer.ts";

/** `clock` is the machine's where nobody has given another before the start. */
type HealerService = StoreService & { clock?: Clock; healer?: Healer };

const NAME = { type: "string", min: 1, max: 200 } as const;
const LIMIT = { type: "number", integer: true, min: 1, max: 1000, default: 100, convert: true } as const;
/** Cases that are looked at for a story, and those that are told. */
const STORY_CASES = 50;
const STORY_CHAPTERS = 5;
/** What it asks for follows from the strategy of a service. */
const SUPERVISOR = "phoenix-server";
/** The request says itself how long it may take. */
const UNBOUNDED: object = { timeout: 0 };

/** The healer as it runs. @throws AzoraError SERVICE_UNAVAILABLE while it starts or stops */
function running(service: HealerService): Healer {
  if (service.healer) return service.healer;
  throw new AzoraError("SERVICE_UNAVAILABLE", "the healer is starting");
}

const schema: StoreSchema = {
  name: "auto-healer",
  metadata: {
    launchPhase: 0,
    priority: "critical",
    capabilities: [RUNTIME_CAPABILITY, "healing"],
    softDependencies: ["master-orchestrator"],
    singleton: true,
    description:
      "Finds what is slow, failing or about to break, chooses the cheapest remedy, remembers why, and learns.",
  },
  mixins: [store(healingCaseModel, { collections: [healingLessonsModel], expendable: true })],
  actions: {
    // Cases are written by what happens, not by hand.
    create: false as never,
    insert: false as never,
    update: false as never,
    remove: false as never,
    restore: false as never,

    execute: {
      description: "Carries out one healing action, and answers with what was seen.",
      ...UNBOUNDED,
      params: {
        $$strict: true,
        id: { type: "string", pattern: "^[\\x21-\\x7e]{1,128}$", optional: true },
        service: { ...NAME, optional: true },
        node: { ...NAME, optional: true },
        actionType: { type: "string", min: 1, max: 60 },
        priority: { type: "enum", values: [...HEALING_PRIORITIES], default: "medium" },
        parameters: { type: "object", default: () => ({}) },
        timeout: { type: "number", integer: true, min: 1, max: 600_000, optional: true },
      },
      handler(ctx: Context<Omit<HealingRequest, "id" | "timeout"> & { id?: string; timeout?: number }>) {
        const { id = randomUUID(), ...request } = ctx.params;
        return running(this).execute({ ...request, id }, ctx.caller === SUPERVISOR);
      },
    },
    actions: {
      description: "Everything that can be done: built in, offered by services, brought by plug-ins.",
      params: { $$strict: true },
      handler() {
        return running(this).actions();
      },
    },
    cases: {
      description: "Failures and what was done about them, newest first.",
      params: {
        $$strict: true,
        service: { ...NAME, optional: true },
        node: { ...NAME, optional: true },
        failure: { type: "enum", values: [...FAILURES, "none"], optional: true },
        outcome: { type: "enum", values: [...CASE_OUTCOMES], optional: true },
        limit: LIMIT,
      },
      handler(ctx: Context<{ limit: number }>) {
        return running(this).memory.find(ctx.params);
      },
    },
    explain: {
      description: "The story of one case, or of one act, in plain words.",
      params: { $$strict: true, id: NAME },
      async handler(ctx: Context<{ id: string }>) {
        const found = await running(this).caseOf(ctx.params.id);
        if (!found) {
          throw new AzoraError("NOT_FOUND", `No case or healing action has the id "${ctx.params.id}"`, ctx.params);
        }
        return { id: found.id, text: explain(found), case: found };
      },
    },
    story: {
      description: "What happened to a service or a node lately, in plain words.",
      params: { $$strict: true, name: NAME },
      async handler(ctx: Context<{ name: string }>) {
        const { name } = ctx.params;
        const chapters = story(await running(this).memory.of(name, STORY_CASES), STORY_CHAPTERS);
        const told = chapters.map(({ text }) => text);
        const paragraphs = told.length > 0 ? told : [`Nothing is known of any failure of ${name}.`];
        return { name, text: paragraphs.join("\n"), paragraphs, cases: chapters.map(({ id }) => id) };
      },
    },
    forecasts: {
      description: "What will break if it goes on like this, with the time left.",
      params: { $$strict: true },
      handler() {
        return running(this).forecasts();
      },
    },
    learning: {
      description: "Which step helps against which failure, as far as it was learnt.",
      params: { $$strict: true },
      handler() {
        return running(this).lessons.report();
      },
    },
    health: {
      description: "Whether it can act, and why not.",
      params: { $$strict: true },
      handler() {
        const { healer } = this as HealerService;
        if (!healer) return { status: "degraded", checks: { healer: "starting" } };
        const { link, executor, memory, plugins, pluginProblems } = healer;
        const checks = {
          orchestrator: link.failure ?? (link.state === "seeking" ? "has not answered yet" : "ok"),
          epoch: link.state === "passive" ? "another healer acts" : `${link.epoch}`,
          queue: `${executor.running} running, ${executor.waiting} waiting${executor.refused > 0 ? `, ${executor.refused} refused` : ""}${executor.abandoned > 0 ? `, ${executor.abandoned} abandoned` : ""}`,
          plugins: pluginProblems.length > 0 ? pluginProblems.join("; ") : count(plugins, "plug-in"),
          memory: memory.failure ?? `${memory.book.size} open`,
        };
        const well = link.state === "acting" && !link.failure && pluginProblems.length === 0 && !memory.failure;
        return { status: well ? "healthy" : "degraded", checks };
      },
    },
  },
  events: {
    "node.vitals"(this: HealerService, ctx: Context<Report>) {
      this.healer?.vitals(ctx.params);
    },
    async "healing.detected"(this: HealerService, ctx: Context<Detection>) {
      await this.healer?.detected(ctx.params);
    },
    async "healing.recorded"(this: HealerService, ctx: Context<HealingRecord>) {
      await this.healer?.recorded(ctx.params);
    },
    "organism.node"(this: HealerService, ctx: Context<{ id: string; status: string }>) {
      if (ctx.params.status === "down") this.healer?.nodeGone(ctx.params.id);
    },
  },
  async started() {
    const service = this as HealerService;
    const healer = new Healer({
      broker: this.broker,
      logger: this.logger,
      clock: service.clock ?? systemClock,
      store: service,
      name: this.fullName,
      settings: readSettings(),
    });
    await healer.start();
    service.healer = healer;
  },
  async stopped() {
    const service = this as HealerService;
    const { healer } = service;
    delete service.healer;
    await healer?.stop();
  },
};

export default schema;
