import { readFileSync } from "node:fs";
import type { ServiceBroker } from "moleculer";
import type { TestOrganism } from "./organism.ts";

export interface KillOutcome {
  victim: string;
  /** From the kill to everything being healthy again, ms. */
  healthyAfter: number;
}

export interface KillRun {
  outcomes: KillOutcome[];
  calls: { done: number; unknown: number; failed: Record<string, number> };
}

/**
 * Kills one process after the other with SIGKILL, at random, while calls run. After each it waits until all is healthy
 * and checks that nothing runs twice and nothing is orphaned. Throws with the victims so far where that is not so.
 * @param random 0 to 1, so that a run can be repeated
 */
export async function randomKills(
  organism: TestOrganism,
  caller: ServiceBroker,
  count: number,
  random: () => number,
): Promise<KillRun> {
  const outcomes: KillOutcome[] = [];
  const calls: KillRun["calls"] = { done: 0, unknown: 0, failed: {} };
  let running = true;
  let next = 0;
  const load = Array.from({ length: 4 }, async () => {
    while (running) {
      const write = next % 3 === 0;
      const call = write
        ? caller.call("ledger.write", { id: `k${next++}` })
        : caller.call("ledger.read", { id: next++ });
      await call.then(
        () => calls.done++,
        (error: { type?: string; message: string }) => {
          if (error.type === "OUTCOME_UNKNOWN") calls.unknown++;
          else calls.failed[error.type ?? error.message] = (calls.failed[error.type ?? error.message] ?? 0) + 1;
        },
      );
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  });
  try {
    for (let i = 0; i < count; i++) {
      const status = await organism.untilHealthy();
      const victims = [...status.nodes.map(({ id }) => id), "spine", ...(organism.natsPid() ? ["nats-server"] : [])];
      const victim = victims[Math.floor(random() * victims.length)]!;
      const pid = await organism.pid(victim);
      const start = Date.now();
      process.kill(pid, "SIGKILL");
      await untilReplaced(organism, victim, pid);
      await organism.untilHealthy();
      outcomes.push({ victim, healthyAfter: Date.now() - start });
      await checkWhole(organism);
    }
  } catch (error) {
    throw new Error(`after ${outcomes.map(({ victim }) => victim).join(", ")}: ${(error as Error).message}`);
  } finally {
    running = false;
    await Promise.all(load);
  }
  const done = readFileSync(organism.env["FIXTURE_LEDGER"]!, "utf8").trim().split("\n");
  if (new Set(done).size !== done.length) throw new Error("an action that is not idempotent was carried out twice");
  return { outcomes, calls };
}

async function untilReplaced(organism: TestOrganism, victim: string, pid: number): Promise<void> {
  const end = Date.now() + 15_000;
  for (;;) {
    const now = await organism.pid(victim).catch(() => 0);
    if (now && now !== pid) return;
    if (Date.now() > end) throw new Error(`${victim} did not come back\n${organism.logTail()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** One living process for each node, one spine, one bus, and no other that carries this organism's mark. */
async function checkWhole(organism: TestOrganism): Promise<void> {
  const end = Date.now() + 3000;
  for (;;) {
    const { nodes } = await organism.status();
    const bus = organism.natsPid();
    const wanted = new Set([...nodes.map(({ pid }) => pid), organism.spinePid(), ...(bus ? [bus] : [])]);
    const found = organism.processes();
    const strange = found.filter((pid) => !wanted.has(pid));
    const missing = [...wanted].filter((pid) => !found.includes(pid));
    if (strange.length === 0 && missing.length === 0) return;
    if (Date.now() > end)
      throw new Error(
        `orphaned: ${strange.map(describe).join(", ") || "none"}; missing: ${missing.join(", ") || "none"}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function describe(pid: number): string {
  try {
    return `${pid} ${readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim()}`;
  } catch {
    return String(pid);
  }
}
