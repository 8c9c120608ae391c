import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { NodeBroker } from "../../../runtime/broker.ts";
import { callable, LoadNodes, outcome } from "./load-nodes.ts";

const CALLS = 120;
const MS = 5;

let nodes: LoadNodes;
let near: NodeBroker;
/** Calls that were carried out from one look of a timer to the next. */
let between: number[];
let done: number;
let timer: NodeJS.Timeout;

beforeEach(async () => {
  nodes = new LoadNodes();
  near = await nodes.node("near");
  const compute = () => {
    for (const end = performance.now() + MS; performance.now() < end; );
    done++;
  };
  const later = async () => {
    await null;
    compute();
  };
  await nodes.node("far", [{ name: "worker", actions: { compute, later } }]);
  await callable(near, "worker.later");
  done = 0;
  between = [];
  let before = 0;
  timer = setInterval(() => {
    between.push(done - before);
    before = done;
  }, 1);
});
afterEach(async () => {
  clearInterval(timer);
  await nodes.stop();
});

test.each([
  ["at once", "compute"],
  ["only after they have waited for something that was there", "later"],
])("calls that compute %s, many at once, leave the loop to others between them", async (_, action) => {
  const call = () => outcome(near.broker.call(`worker.${action}`, {}, { timeout: 20_000 }));
  await Promise.all(Array.from({ length: CALLS }, call));
  expect(done).toBeGreaterThan(CALLS / 2);
  expect(Math.max(...between)).toBeLessThanOrEqual(CALLS / 2);
});
