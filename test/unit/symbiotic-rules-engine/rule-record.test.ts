import { describe, expect, test } from "@jest/globals";
import type { ServiceBroker } from "moleculer";
import type { ExecutionResult, RuleWhy } from "../../../models/rule-results.ts";
import type { CompleteRule } from "../../../models/rules.ts";
import type { Recorder } from "../../../runtime/record/recorder.ts";
import { provideRecorder } from "../../../runtime/record/recorder-of.ts";
import { checkRules } from "../../../runtime/rules/check-rules.ts";
import { RuleRecord } from "../../../services/brain/symbiotic-rules-engine/rule-record.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const ruleOf = (mode: string): CompleteRule =>
  checkRules({
    id: "calm",
    conditions: [{ system: "heart", metric: "load", operator: "greaterThan", value: 80 }],
    actions: [{ type: "shed", target: "heart" }],
    mode,
  }).rules[0]!;
const WHY: RuleWhy = {
  rule: "calm",
  at: "2027-01-01T00:00:00.000Z",
  result: "fired",
  why: "heart.load is 95",
  conditions: [],
  cooldownLeft: 0,
  heldFor: 0,
};
const resultOf = (more: Partial<ExecutionResult> = {}): ExecutionResult => ({
  id: "one",
  rule: "calm",
  at: WHY.at,
  mode: "on",
  why: WHY,
  actions: [{ type: "shed", target: "heart", status: "done", what: "sheds low priority" }],
  ...more,
});

/** A node whose recorder answers as it is told to. */
function node(answers: () => Promise<string>) {
  const entries: [string, object][] = [];
  const said: string[] = [];
  const broker = { logger: { error: (words: string) => said.push(words) } } as unknown as ServiceBroker;
  const durable = (type: string, data: object) => {
    entries.push([type, data]);
    return answers();
  };
  provideRecorder(broker, { durable } as unknown as Recorder);
  const clock = new FakeClock();
  return { record: new RuleRecord(broker, clock), types: () => entries.map(([type]) => type), entries, said, clock };
}

describe("the record of rules", () => {
  test("a firing is on record before the rule acts, with what was read", async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const { record, entries } = node(() => promise);
    let isOver = false;
    const recorded = record.fired(ruleOf("on"), WHY, "rules").then(() => {
      isOver = true;
    });
    await new Promise((done) => setImmediate(done));
    expect(isOver).toBe(false);
    resolve("id");
    await recorded;
    expect(entries).toEqual([["rule.fired", expect.objectContaining({ rule: "calm", by: "rules", why: WHY.why })]]);
  });

  test("a disk that is slow or refuses holds a rule up for 250 ms at most, and that is on record too", async () => {
    const slow = node(() => new Promise(() => {}));
    const recorded = slow.record.fired(ruleOf("on"), WHY, "rules");
    slow.clock.advance(250);
    await recorded;
    expect(slow.types()).toEqual(["rule.fired", "rule.unrecorded"]);
    expect(slow.said).toEqual(["calm acts before it is on record: its record took more than 250 ms"]);
    const full = node(() => Promise.reject(new Error("ENOSPC")));
    await full.record.fired(ruleOf("on"), WHY, "rules");
    expect(full.said).toEqual(["calm acts before it is on record: ENOSPC"]);
  });

  test("what came of it is on record once, and again when the effect is known", async () => {
    const { record, types } = node(() => Promise.resolve("id"));
    record.done(resultOf());
    record.done(resultOf());
    const [action] = resultOf().actions;
    const effect = { metric: "heart.load", before: 95, after: 60, verdict: "better" as const, rolledBack: false };
    record.done(resultOf({ actions: [{ ...action!, effect }] }));
    expect(types()).toEqual(["rule.done", "rule.done"]);
  });

  test("a shadow rule leaves no entries", async () => {
    const { record, types } = node(() => Promise.resolve("id"));
    await record.fired(ruleOf("shadow"), WHY, "rules");
    record.done(resultOf({ mode: "shadow" }));
    expect(types()).toEqual([]);
  });

  test("where nothing is recorded, nobody waits", async () => {
    const broker = {} as ServiceBroker;
    await new RuleRecord(broker, new FakeClock()).fired(ruleOf("on"), WHY, "rules");
  });
});
