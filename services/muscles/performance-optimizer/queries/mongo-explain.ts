import type { PlanFacts } from "../../../../models/query-facts.ts";

/** A stage of a plan: https://www.mongodb.com/docs/manual/reference/explain-results/ */
interface Stage {
  stage?: string;
  indexName?: string;
  inputStage?: Stage;
  inputStages?: Stage[];
  /** Of the engine of version 5.1 and later, around the same stages. */
  queryPlan?: Stage;
  thenStage?: Stage;
  elseStage?: Stage;
  outerStage?: Stage;
  innerStage?: Stage;
  shards?: { winningPlan?: Stage }[];
}

/** What `explain("executionStats")` answers, as far as it is read. */
export interface MongoExplain {
  queryPlanner?: { winningPlan?: Stage };
  executionStats?: {
    nReturned?: number;
    executionTimeMillis?: number;
    totalKeysExamined?: number;
    totalDocsExamined?: number;
  };
}

export interface MongoFacts {
  plan: PlanFacts;
  /** `undefined` where the plan was not carried out (verbosity `queryPlanner`). */
  run?: { examined: number; keys: number; returned: number; ms: number };
}

/** In one look by the primary key, without a plan. */
const BY_ID = new Set(["IDHACK", "EXPRESS_IDHACK", "CLUSTERED_IXSCAN", "EXPRESS_CLUSTERED_IXSCAN"]);
const BY_INDEX = new Set([
  "IXSCAN",
  "EXPRESS_IXSCAN",
  "COUNT_SCAN",
  "DISTINCT_SCAN",
  "TEXT_MATCH",
  "GEO_NEAR_2DSPHERE",
]);
const MAX_STAGES = 1000;

/** Reads MongoDB's plan in the words that the advisor knows; what it does not know is shown among the steps. */
export function readMongoExplain({ queryPlanner, executionStats }: MongoExplain): MongoFacts {
  const stages = flat(queryPlanner?.winningPlan);
  const names = stages.flatMap(({ stage }) => stage ?? []);
  const indexes = [...new Set(stages.flatMap(({ indexName }) => (indexName === undefined ? [] : [indexName])))];
  const has = (known: ReadonlySet<string>) => names.some((name) => known.has(name));
  // Every index has `_id_`; a look-up in it is one by the primary key.
  const onlyId = indexes.length > 0 && indexes.every((name) => name === "_id_");
  const access = names.includes("COLLSCAN")
    ? "scan"
    : has(BY_INDEX) && !onlyId
      ? "index"
      : has(BY_ID) || onlyId
        ? "id"
        : "none";
  const plan: PlanFacts = {
    access,
    indexes: indexes.filter((name) => name !== "_id_"),
    sorts: names.includes("SORT"),
    steps: stages.flatMap(({ stage, indexName }) => (stage ? [indexName ? `${stage} ${indexName}` : stage] : [])),
  };
  if (executionStats?.nReturned === undefined) return { plan };
  const { nReturned, executionTimeMillis = 0, totalKeysExamined = 0, totalDocsExamined = 0 } = executionStats;
  // A query that an index answers by itself looks at its keys alone.
  const examined = Math.max(totalDocsExamined, totalKeysExamined);
  return { plan, run: { examined, keys: totalKeysExamined, returned: nReturned, ms: executionTimeMillis } };
}

/** The stages from the outermost in. */
function flat(root: Stage | undefined): Stage[] {
  const stages: Stage[] = [];
  const waiting = root ? [root] : [];
  while (waiting.length > 0 && stages.length < MAX_STAGES) {
    const stage = waiting.shift()!;
    stages.push(stage);
    const {
      inputStage,
      inputStages = [],
      queryPlan,
      thenStage,
      elseStage,
      outerStage,
      innerStage,
      shards = [],
    } = stage;
    const below = [queryPlan, inputStage, ...inputStages, thenStage, elseStage, outerStage, innerStage];
    waiting.push(...[...below, ...shards.map(({ winningPlan }) => winningPlan)].filter((each) => each !== undefined));
  }
  return stages;
}
