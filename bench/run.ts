/** `npm run bench`, or `npm run bench -- vitals idle` for some. Results go to `bench/results/<name>.json`. */
import { accounting } from "./accounting.ts";
import { analysis } from "./analysis.ts";
import { balance } from "./balance.ts";
import { breaker } from "./breaker.ts";
import { cache } from "./cache.ts";
import { callCost } from "./call-cost.ts";
import { chainBus } from "./chain-bus.ts";
import { chainQuery } from "./chain-query.ts";
import { chainRead } from "./chain-read.ts";
import { chainWrite } from "./chain-write.ts";
import { coldBoot } from "./cold-boot.ts";
import { deathNotice } from "./death-notice.ts";
import { failover } from "./failover.ts";
import { harmony } from "./harmony.ts";
import { healing } from "./healing.ts";
import { idle } from "./idle.ts";
import { learning } from "./learning.ts";
import { overload } from "./overload.ts";
import { queryAdvisor } from "./query-advisor.ts";
import { reaction } from "./reaction.ts";
import { record } from "./record.ts";
import { recovery } from "./recovery.ts";
import { publish, type Result } from "./report.ts";
import { rules } from "./rules.ts";
import { sickNode } from "./sick-node.ts";
import { tracing } from "./tracing.ts";
import { vitals } from "./vitals.ts";
import { workers } from "./workers.ts";

const BENCHES: Record<string, () => Promise<Result | Result[]>> = {
  vitals: () => vitals(),
  "call-cost": () => callCost(),
  overload: () => overload(),
  "sick-node": () => sickNode(),
  breaker: () => breaker(),
  cache: () => cache(),
  failover: () => failover(),
  recovery: () => recovery(),
  "death-notice": () => deathNotice(),
  idle: () => idle(),
  "cold-boot": () => coldBoot(),
  learning: () => learning(),
  healing: () => healing(),
  accounting: () => accounting(),
  record: () => record(),
  "chain-write": () => chainWrite(),
  "chain-bus": () => chainBus(),
  "chain-read": () => chainRead(),
  "chain-query": () => chainQuery(),
  "query-advisor": () => queryAdvisor(),
  analysis: () => analysis(),
  harmony: () => harmony(),
  tracing: () => tracing(),
  workers: () => workers(),
  balance: () => balance(),
  rules: () => rules(),
  reaction: () => reaction(),
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  console.error(`there is no bench ${unknown.join(", ")}; there are ${Object.keys(BENCHES).join(", ")}`);
  process.exit(2);
}
let missed = 0;
for (const [name, bench] of Object.entries(BENCHES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  for (const result of [await bench()].flat()) {
    publish(result);
    missed += result.goals.filter(({ met }) => !met).length;
  }
}
console.log(missed === 0 ? "\nall goals are met" : `\n${missed} goals are missed`);
