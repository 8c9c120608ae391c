import type { ActionSchema, Context } from "moleculer";
import { type StoreSchema, store } from "../../../mixins/store/store.ts";
import { type SelfTestNote, selfTestNoteModel } from "../../../models/self-test-note.model.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { RUNTIME_CAPABILITY } from "../../../runtime/discovery/plan.ts";
import { AzoraError } from "../../../runtime/errors.ts";

const RUN = { type: "string", min: 1, max: 100, pattern: /^[\w.-]+$/ } as const;
const TEXT = { type: "string", max: 10_000 } as const;
const ID = { type: "string", min: 1, max: 128 } as const;
/** Notes of a test that was killed before it could erase them, ms. */
const LEFT_BEHIND_MS = 10 * 60_000;
const MOST_NOTES = 1000;

/** Only for who runs the organism: it writes. */
const route = (method: string, path: string): ActionSchema["rest"] => ({ method, path, operator: true }) as never;

/**
 * What `azora selftest` uses instead of the organism's own services: it takes every way that theirs take, the gateway, the
 * bus, a store, the chain, healing, and nobody else needs it.
 */
const schema: StoreSchema = {
  name: "self-test",
  metadata: {
    // Nothing waits for it.
    launchPhase: 6,
    priority: "low",
    capabilities: [RUNTIME_CAPABILITY, "self-test"],
    singleton: true,
    audited: true,
    description: "What the self-test writes to, fails with and restarts, so that it need touch nobody else.",
  },
  mixins: [store(selfTestNoteModel, { expendable: true })],
  settings: { rest: "/self-test" },
  actions: {
    // moleculer-db's own are not wanted: everything that is written here must be erasable by its run.
    ...Object.fromEntries(
      ["list", "find", "count", "get", "create", "insert", "update", "remove", "restore"].map((name) => [
        name,
        false as never,
      ]),
    ),

    echo: {
      description: "Answers with what it was given.",
      params: { $$strict: true, text: { type: "string", max: 1000 } },
      idempotent: true,
      rest: route("GET", "/echo") as never,
      handler(ctx: Context<{ text: string }>) {
        return { text: ctx.params.text, node: this.broker.nodeID };
      },
    },
    refuse: {
      description: "Refuses, as a service does that must not do what it is asked for.",
      params: { $$strict: true },
      rest: route("POST", "/refuse") as never,
      handler() {
        throw new AzoraError("CONFLICT", "self-test refuses this whenever it is asked", { asked: "refuse" });
      },
    },
    write: {
      description: "Stores a note.",
      params: { $$strict: true, run: RUN, text: TEXT },
      rest: route("POST", "/notes") as never,
      async handler(ctx: Context<SelfTestNote>) {
        const notes = this.collection(selfTestNoteModel);
        if ((await notes.count()) >= MOST_NOTES)
          throw new AzoraError(
            "CONFLICT",
            `There are ${MOST_NOTES} notes of tests that were not ended; wait 10 minutes`,
          );
        const note = await notes.insert(ctx.params);
        await ctx.emit("self-test.written", { run: note.run, note: note._id });
        return note;
      },
    },
    change: {
      description: "Changes a note, if it still is as it was read.",
      params: { $$strict: true, id: ID, version: { type: "number", integer: true, min: 1, convert: true }, text: TEXT },
      rest: route("PATCH", "/notes/:id") as never,
      handler(ctx: Context<{ id: string; version: number; text: string }>) {
        const { id, version, text } = ctx.params;
        return this.collection(selfTestNoteModel).update(id, { text }, { version });
      },
    },
    read: {
      description: "One note.",
      params: { $$strict: true, id: ID },
      idempotent: true,
      rest: route("GET", "/notes/:id") as never,
      handler(ctx: Context<{ id: string }>) {
        return this.collection(selfTestNoteModel).get(ctx.params.id);
      },
    },
    notes: {
      description: "The notes of a run.",
      params: { $$strict: true, run: RUN },
      idempotent: true,
      rest: route("GET", "/notes") as never,
      handler(ctx: Context<{ run: string }>) {
        return this.collection(selfTestNoteModel).find({ run: ctx.params.run }, { limit: MOST_NOTES });
      },
    },
    clear: {
      description: "Erases the notes of a run from the file, and those that were left behind.",
      params: { $$strict: true, run: RUN },
      idempotent: true,
      rest: route("POST", "/clear") as never,
      async handler(ctx: Context<{ run: string }>) {
        const before = new Date(systemClock.now() - LEFT_BEHIND_MS).toISOString();
        const erased = await this.transaction((tx) => {
          const notes = tx.collection(selfTestNoteModel);
          const all = notes.find({}, { limit: MOST_NOTES });
          const ids = all
            .filter(({ run, createdAt }) => run === ctx.params.run || createdAt < before)
            .map(({ _id }) => _id);
          notes.erase(ids);
          return ids.length;
        });
        return { erased };
      },
    },
  },
};

export default schema;
