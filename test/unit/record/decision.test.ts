import { describe, expect, test } from "@jest/globals";
import type { ServiceBroker } from "moleculer";
import { type Decided, recordDecision } from "../../../runtime/record/decision.ts";
import type { Recorder } from "../../../runtime/record/recorder.ts";
import { provideRecorder } from "../../../runtime/record/recorder-of.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const DECIDED: Decided = {
  id: "case-1",
  target: { node: "immune-1" },
  failure: "crashed",
  action: "restart-process",
  attempt: 1,
  reason: "its process has ended",
  by: "ladder",
};

/** A node whose recorder answers as it is told to. */
function node(answers: (eventType: string) => Promise<string>) {
  const entries: [string, object][] = [];
  const said: string[] = [];
  const broker = { logger: { error: (words: string) => said.push(words) } } as unknown as ServiceBroker;
  const durable = (eventType: string, data: object) => {
    entries.push([eventType, data]);
    return answers(eventType);
  };
  provideRecorder(broker, { durable } as unknown as Recorder);
  return { broker, entries, said, clock: new FakeClock() };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("a healing decision", () => {
  test("is waited for until it is on disk", async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const { broker, entries, clock, said } = node(() => promise);
    let isOver = false;
    void recordDecision(broker, DECIDED, clock)!.then(() => {
      isOver = true;
    });
    await settle();
    expect([isOver, entries[0]![0]]).toEqual([false, "healing.decided"]);
    resolve("id");
    await settle();
    expect([isOver, said]).toEqual([true, []]);
  });

  test("holds healing up for 250 ms at most, and that it did is on record later", async () => {
    const { broker, entries, clock, said } = node(() => new Promise(() => {}));
    const recorded = recordDecision(broker, DECIDED, clock)!;
    clock.advance(250);
    await recorded;
    expect(said).toEqual(["restart-process is carried out before it is on record: its record took more than 250 ms"]);
    expect(entries.at(-1)).toEqual([
      "healing.unrecorded",
      { id: "case-1", action: "restart-process", why: "its record took more than 250 ms" },
    ]);
  });

  test("does not stop healing where the disk refuses", async () => {
    const { broker, entries, clock } = node(() => Promise.reject(new Error("ENOSPC")));
    await recordDecision(broker, DECIDED, clock);
    expect(entries.map(([type]) => type)).toEqual(["healing.decided", "healing.unrecorded"]);
  });

  test("is not waited for where nothing is recorded", () => {
    expect(recordDecision({} as ServiceBroker, DECIDED)).toBeUndefined();
  });
});
