import { expect, test } from "@jest/globals";
import { readMongoExplain } from "../../../../services/muscles/performance-optimizer/queries/mongo-explain.ts";

// The documents are those of MongoDB's manual: "Interpret Explain Plan Results" and "Explain Results".

test("a scan of a collection", () => {
  const explained = {
    queryPlanner: {
      winningPlan: {
        queryPlan: {
          stage: "COLLSCAN",
          filter: { $and: [{ quantity: { $lte: 200 } }, { quantity: { $gte: 100 } }] },
          direction: "forward",
        },
      },
    },
    executionStats: {
      executionSuccess: true,
      nReturned: 3,
      executionTimeMillis: 0,
      totalKeysExamined: 0,
      totalDocsExamined: 10,
      executionStages: { stage: "COLLSCAN" },
    },
  };
  expect(readMongoExplain(explained)).toEqual({
    plan: { access: "scan", indexes: [], sorts: false, steps: ["COLLSCAN"] },
    run: { examined: 10, keys: 0, returned: 3, ms: 0 },
  });
});

test("a look-up in an index", () => {
  const explained = {
    queryPlanner: {
      winningPlan: {
        queryPlan: {
          stage: "FETCH",
          inputStage: {
            stage: "IXSCAN",
            keyPattern: { quantity: 1 },
            indexName: "quantity_1",
            indexBounds: { quantity: ["[100, 200]"] },
          },
        },
      },
    },
    executionStats: { nReturned: 3, executionTimeMillis: 0, totalKeysExamined: 3, totalDocsExamined: 3 },
  };
  expect(readMongoExplain(explained)).toEqual({
    plan: { access: "index", indexes: ["quantity_1"], sorts: false, steps: ["FETCH", "IXSCAN quantity_1"] },
    run: { examined: 3, keys: 3, returned: 3, ms: 0 },
  });
});

test("alternatives with their indexes, sorted afterwards", () => {
  const explained = {
    queryPlanner: {
      winningPlan: {
        stage: "SUBPLAN",
        inputStage: {
          stage: "SORT",
          inputStage: {
            stage: "FETCH",
            inputStage: {
              stage: "OR",
              inputStages: [
                { stage: "IXSCAN", indexName: "quantity_1" },
                { stage: "IXSCAN", indexName: "price_1" },
              ],
            },
          },
        },
      },
    },
  };
  expect(readMongoExplain(explained)).toEqual({
    plan: {
      access: "index",
      indexes: ["quantity_1", "price_1"],
      sorts: true,
      steps: ["SUBPLAN", "SORT", "FETCH", "OR", "IXSCAN quantity_1", "IXSCAN price_1"],
    },
  });
});

test.each(["IDHACK", "EXPRESS_IXSCAN"])("a look-up by the id: %s", (stage) => {
  const inputs = stage === "IDHACK" ? { stage } : { stage, indexName: "_id_" };
  expect(readMongoExplain({ queryPlanner: { winningPlan: inputs } }).plan).toMatchObject({ access: "id", indexes: [] });
});

test("a sharded scan", () => {
  const shard = { winningPlan: { stage: "COLLSCAN" } };
  const winningPlan = { stage: "SHARD_MERGE", shards: [shard, shard] };
  expect(readMongoExplain({ queryPlanner: { winningPlan } }).plan.access).toBe("scan");
});

test("what answers nothing says so", () => {
  expect(readMongoExplain({})).toEqual({ plan: { access: "none", indexes: [], sorts: false, steps: [] } });
  expect(readMongoExplain({ queryPlanner: { winningPlan: { stage: "EOF" } } }).plan.access).toBe("none");
});
