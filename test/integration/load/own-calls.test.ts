import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "@jest/globals";
import type { ServiceSchema } from "moleculer";
import { LoadNodes } from "./load-nodes.ts";

const nodes = new LoadNodes();
afterEach(() => nodes.stop());

/** Computes for so many ms in the event loop. */
const cruncher: ServiceSchema = {
  name: "cruncher",
  actions: {
    work: {
      async handler(ctx) {
        await null;
        for (const end = performance.now() + ctx.params.ms; performance.now() < end; );
      },
    },
  },
};

test("what computes in the event loop is not refused to who asks for one after the other, nor to a few at once with pauses between them", async () => {
  const { broker } = await nodes.node("heart-1", [cruncher]);
  let refused = 0;
  const work = (ms: number) =>
    broker.call("cruncher.work", { ms }, { timeout: 3000 }).catch(({ type }: { type: string }) => {
      if (type === "OVERLOADED") refused++;
    });
  for (const end = performance.now() + 3000; performance.now() < end; ) {
    await work(5 + Math.random() * 25);
    await sleep(1);
  }
  expect(refused).toBe(0);

  // Three at once, and then time to recover.
  for (const end = performance.now() + 2000; performance.now() < end; ) {
    for (let i = 0; i < 3; i++) setTimeout(() => work(15), 0);
    await sleep(80);
  }
  expect(refused).toBe(0);
});
