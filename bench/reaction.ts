/** From a metric that crosses its bound to the action that its rule starts, on real processes. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestOrganism } from "../test/support/organism.ts";
import { goal, medians, p99s, type Result } from "./report.ts";

const GOAL_MS = 1500;
const BOUND = 20;
const CALLS = 30;
/** Between two rounds, ms: the calls have ended, and the rule is not active any more. */
const PAUSE_MS = 2500;
const LIMIT_MS = 10_000;

const SERVICE = `export default {
  name: "works",
  actions: {
    /** Is under way until it is let go. */
    hold() {
      this.held ??= Promise.withResolvers();
      return this.held.promise;
    },
    release() {
      this.held?.resolve();
      this.held = undefined;
    },
  },
};
`;
const RULE = {
  id: "reaction",
  conditions: [{ system: "stomach", metric: "concurrency", operator: "greaterThan", value: BOUND }],
  actions: [{ type: "setFlag", target: "organism", parameters: { flag: "reaction", value: true } }],
  cooldown: 1000,
};

export async function reaction(rounds = 40): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "azora-bench-"));
  const organism = await TestOrganism.create({ AZORA_HEALING_TIME_SCALE: "1" });
  try {
    mkdirSync(join(folder, "services/stomach"), { recursive: true });
    mkdirSync(join(folder, "rules"));
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "bench", private: true, type: "module" }));
    writeFileSync(join(folder, "services/stomach/works.service.js"), SERVICE);
    writeFileSync(join(folder, "rules/reaction.json"), JSON.stringify(RULE));
    await organism.up(join(folder, "services"));
    await organism.untilHealthy();
    const guest = await organism.join();
    let onFlag = () => {};
    guest.createService({
      name: "watcher",
      events: {
        "organism.flags": ({ params }: { params: { flags: { flag: string }[] } }) => {
          if (params.flags.some(({ flag }) => flag === "reaction")) onFlag();
        },
      },
    } as never);
    await guest.waitForServices(["works", "symbiotic-rules-engine"], LIMIT_MS, 50);
    // Rules are judged when the launch has settled.
    await pause(8000);
    const took: number[] = [];
    for (let round = 0; round < rounds; round++) {
      // Reports come once a second: the rounds must not all begin at the same moment of it.
      await pause(PAUSE_MS + (round % 10) * 100);
      const seen = new Promise<void>((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`no action within ${LIMIT_MS} ms`)), LIMIT_MS);
        onFlag = () => {
          clearTimeout(late);
          resolve();
        };
      });
      const begin = performance.now();
      const calls = Array.from({ length: CALLS }, () => guest.call("works.hold", {}, { timeout: 0 }));
      await seen;
      took.push(performance.now() - begin);
      onFlag = () => {};
      await guest.call("works.release");
      await Promise.all(calls);
    }
    const runs = { azora: took };
    const p99 = p99s(runs);
    return {
      name: "reaction",
      measures: `${CALLS} calls at once, where a rule's bound is ${BOUND}, until another process hears of what the rule did; vitals come once a second`,
      unit: "ms",
      runs,
      medians: medians(runs),
      p99,
      goals: [goal(`at most ${GOAL_MS} ms, p99`, p99["azora"]!, p99["azora"]! <= GOAL_MS)],
      notes: ["of the time, up to a second is until the node's next report"],
    };
  } finally {
    await organism.down();
    rmSync(folder, { recursive: true });
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
