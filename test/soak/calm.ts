import { spawn } from "node:child_process";
import { cpus } from "node:os";
import type { Detection, HealingRecord } from "../../models/healing.ts";
import { TestOrganism } from "../support/organism.ts";

export interface CalmRun {
  minutes: number;
  calls: number;
  failed: Record<string, number>;
  /** Everything that was called a failure although nothing was wrong. */
  alarms: string[];
  /** Share of all cores that was busy, %. */
  load: number;
}

/** Calls that are always under way. */
const CALLERS = 32;

/**
 * Heavy load without any fault: one process for each core that only computes, and callers that never pause. Nothing may
 * be called ill, and nothing restarted.
 */
export async function calm(minutes: number, bus: Record<string, string>): Promise<CalmRun> {
  const organism = await TestOrganism.create({ AZORA_HEALTH_INTERVAL: "5000", AZORA_HEALING_TIME_SCALE: "1", ...bus });
  const run: CalmRun = { minutes, calls: 0, failed: {}, alarms: [], load: 0 };
  const burners = cpus().map(() => spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" }));
  try {
    await organism.up();
    const lives = await incarnations(organism);
    const caller = await organism.join();
    caller.createService({
      name: "alarms",
      events: {
        "healing.detected": (ctx: { params: Detection }) =>
          run.alarms.push(`${ctx.params.failure}: ${ctx.params.evidence.join("; ")}`),
        "healing.recorded": (ctx: { params: HealingRecord }) =>
          run.alarms.push(`${ctx.params.failure}, ${ctx.params.action}: ${ctx.params.reason}`),
      },
    } as never);
    const before = busy();
    const end = Date.now() + minutes * 60_000;
    await Promise.all(
      Array.from({ length: CALLERS }, async (_, index) => {
        while (Date.now() < end) {
          const call =
            index % 4 === 0
              ? caller.call("ledger.write", { id: `${index}-${run.calls}` })
              : caller.call("ledger.read", { id: run.calls });
          await call.then(
            () => run.calls++,
            (error: { type?: string; message: string }) => {
              const kind = error.type ?? error.message;
              run.failed[kind] = (run.failed[kind] ?? 0) + 1;
            },
          );
        }
      }),
    );
    run.load = Math.round(share(before, busy()));
    await organism.untilHealthy();
    const now = await incarnations(organism);
    for (const [name, life] of lives)
      if (now.get(name) !== life) run.alarms.push(`${name} was restarted: life ${life} became ${now.get(name)}`);
  } finally {
    for (const burner of burners) burner.kill("SIGKILL");
    await organism.down();
  }
  return run;
}

async function incarnations(organism: TestOrganism): Promise<Map<string, number>> {
  const { nodes } = await organism.untilHealthy();
  const services =
    await organism.get<{ metadata: { name: string }; instances: { node: string; incarnation: number }[] }[]>(
      "/orchestrator/services",
    );
  return new Map([
    ...nodes.map(({ id, incarnation }) => [id, incarnation] as const),
    ...services.flatMap(({ metadata, instances }) =>
      instances.map(({ node, incarnation }) => [`${metadata.name}@${node}`, incarnation] as const),
    ),
  ]);
}

interface Ticks {
  idle: number;
  total: number;
}

function busy(): Ticks {
  const times = cpus().map((cpu) => cpu.times);
  const total = times.reduce((sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq, 0);
  return { idle: times.reduce((sum, { idle }) => sum + idle, 0), total };
}

function share(before: Ticks, after: Ticks): number {
  return 100 * (1 - (after.idle - before.idle) / (after.total - before.total));
}
