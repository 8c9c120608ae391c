import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { NodeBroker } from "../../../runtime/broker.ts";
import { callable, LoadNodes, outcome } from "./load-nodes.ts";

const CALLS = 40;
const MS = 20;

describe("calls that compute, many at once", () => {
  let nodes: LoadNodes;
  let [near, far]: NodeBroker[] = [];
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
    far = await nodes.node("far", [{ name: "worker", actions: { compute } }]);
    await callable(near, "worker.compute");
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
    ["from another node", () => near!],
    ["from the node itself", () => far!],
  ])("%s leave the loop to others between them", async (_, caller) => {
    const { broker } = caller();
    const call = () => outcome(broker.call("worker.compute", {}, { timeout: 20_000 }));
    await Promise.all(Array.from({ length: CALLS }, call));
    expect(done).toBeGreaterThan(5);
    expect(Math.max(...between)).toBeLessThanOrEqual(10);
  });
});
