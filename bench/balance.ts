/** One organ at three times its capacity, on real processes: harmony with the built-in rules, and beside it without them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServiceBroker } from "moleculer";
import { TestOrganism } from "../test/support/organism.ts";
import { add, goal, medians, type Result, round } from "./report.ts";

/** A call waits so long for one of so many places, as for a connection: a node answers 200 a second. */
const WORK_MS = 40;
const PLACES = 8;
const CAPACITY = (PLACES * 1000) / WORK_MS;
const TIMES = 3;
const QUIET_S = 10;
const OVERLOAD_S = 60;
/** From here on it is to be well again. */
const WITHIN_S = 30;
const WELL = 80;
const SIDES = { "built-in rules": "on", "rules off": "off" } as const;

interface Second {
  /** Since the overload began. */
  at: number;
  harmony: number | null;
  nodes: number;
  answered: number;
  failed: number;
}

export async function balance(rounds = 1): Promise<Result> {
  const runs: Record<string, number[]> = {};
  const answered: Record<string, number[]> = {};
  const lowest: Record<string, number[]> = {};
  const flaps: number[] = [];
  const back: number[] = [];
  const series: Record<string, number[]> = {};
  const notes: string[] = [];
  for (let i = 0; i < rounds; i++)
    for (const [side, setting] of Object.entries(SIDES)) {
      const { seconds, executions } = await overloaded(setting);
      const late = seconds.filter(({ at }) => at >= WITHIN_S);
      add(runs, side, mean(late.map(({ harmony }) => harmony ?? Number.NaN)));
      add(answered, side, mean(late.map((one) => one.answered / (one.answered + one.failed))) * 100);
      add(lowest, side, Math.min(...late.map(({ harmony }) => harmony ?? 100)));
      series[side] = seconds.map(({ harmony }) => Math.round(harmony ?? -1));
      if (setting !== "on") continue;
      back.push(recovered(seconds));
      flaps.push(changes(seconds.filter(({ at }) => at >= WITHIN_S).map(({ nodes }) => nodes)));
      series["nodes with rules"] = seconds.map(({ nodes }) => nodes);
      series["answered a second with rules"] = seconds.map((one) => one.answered);
      notes.push(...executions.map((line) => `with rules: ${line}`));
    }
  for (const [side, share] of Object.entries(medians(answered)))
    notes.push(`${side}: ${round(share)} % of the calls were answered from the ${WITHIN_S}th second on`);
  const middle = medians(runs);
  const worst = Math.min(...lowest["built-in rules"]!);
  return {
    name: "balance",
    measures: `harmony of a real organism from the ${WITHIN_S}th second on of ${TIMES} times the calls that one organ can answer (${CAPACITY} a second: ${PLACES} places of ${WORK_MS} ms)`,
    unit: "points",
    runs,
    medians: middle,
    goals: [
      goal(`back above ${WELL} after (s), at most ${WITHIN_S}`, Math.max(...back), Math.max(...back) <= WITHIN_S),
      goal(`lowest harmony after that, above ${WELL}`, worst, worst > WELL),
      goal("changes of the number of nodes after that, none", Math.max(...flaps), Math.max(...flaps) === 0),
    ],
    notes,
    series: { ...series, every: "1 s" },
  };
}

async function overloaded(setting: string): Promise<{ seconds: Second[]; executions: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), "azora-bench-"));
  writeProject(folder);
  const organism = await TestOrganism.create({ AZORA_DYNAMIC_BALANCE: setting, AZORA_HEALTH_INTERVAL: "5000" });
  try {
    await organism.up(folder);
    const caller = await organism.join();
    await caller.waitForServices("till", 20_000, 50);
    const load = new Load(caller);
    load.rate = CAPACITY / 4;
    // Long enough for the engine to have seen it well, and to judge.
    await seconds(QUIET_S);
    load.rate = CAPACITY * TIMES;
    const rows: Second[] = [];
    for (let at = 1; at <= OVERLOAD_S; at++) {
      await seconds(1);
      const [harmony, { nodes }] = await Promise.all([
        organism.get<{ score: number | null }>("/api/organism/harmony").catch(() => ({ score: null })),
        organism.status(),
      ]);
      const { answered, failed } = load.take();
      const up = nodes.filter(({ organ, status }) => organ === "stomach" && status === "up").length;
      rows.push({ at, harmony: harmony.score, nodes: up, answered, failed });
      if (process.env["AZORA_BENCH_TRACE"]) console.log(JSON.stringify(rows.at(-1)));
      if (process.env["AZORA_BENCH_TRACE"] && at % 10 === 0)
        console.log(
          JSON.stringify(
            (await organism.get<{ costs: unknown[] }>("/api/organism/harmony/explain")).costs?.slice(0, 5),
          ),
        );
    }
    load.stop();
    const executions = await organism.get<Execution[]>("/api/organism/executions?limit=20");
    return { seconds: rows, executions: executions.toReversed().map(told) };
  } finally {
    await organism.down();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Execution {
  rule: string;
  at: string;
  actions: { status: string; what: string; effect?: { metric: string; verdict: string } }[];
}

const told = ({ rule, at, actions }: Execution) =>
  `${at.slice(11, 19)} ${rule}: ${actions.map(({ status, what, effect }) => `${status}, ${what}${effect ? ` (${effect.metric}: ${effect.verdict})` : ""}`).join("; ")}`;

/** Open load: calls come when they come, whatever becomes of those before. */
class Load {
  rate = 0;
  #answered = 0;
  #failed = 0;
  #owed = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(broker: ServiceBroker) {
    let last = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#owed += ((now - last) / 1000) * this.rate;
      last = now;
      for (; this.#owed >= 1; this.#owed--)
        broker.call("till.pay", {}, { timeout: 1000, retries: 0 }).then(
          () => this.#answered++,
          () => this.#failed++,
        );
    }, 10);
  }

  take(): { answered: number; failed: number } {
    const taken = { answered: this.#answered, failed: this.#failed };
    [this.#answered, this.#failed] = [0, 0];
    return taken;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

function writeProject(folder: string): void {
  mkdirSync(join(folder, "services/stomach"), { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "bench", private: true, type: "module" }));
  writeFileSync(
    join(folder, "services/stomach/till.service.js"),
    `export default {
  name: "till",
  actions: {
    pay: {
      concurrency: { ceiling: ${PLACES} },
      handler: () => new Promise((done) => setTimeout(done, ${WORK_MS}, "paid")),
    },
  },
};
`,
  );
}

/** When harmony was above the bound for good, or for at least ten seconds, s. */
function recovered(rows: readonly Second[]): number {
  const fell = rows.findIndex(({ harmony }) => harmony !== null && harmony <= WELL);
  if (fell < 0) return 0;
  const again = rows.findIndex(
    ({ harmony }, i) => i > fell && rows.slice(i, i + 10).every((one) => (one.harmony ?? 0) > WELL) && harmony !== null,
  );
  return again < 0 ? Number.POSITIVE_INFINITY : rows[again]!.at;
}

const changes = (values: readonly number[]) => values.filter((value, i) => i > 0 && value !== values[i - 1]).length;
const mean = (values: readonly number[]) => round(values.reduce((sum, one) => sum + one, 0) / values.length);
const seconds = (count: number) => new Promise((done) => setTimeout(done, count * 1000));
