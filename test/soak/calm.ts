/**
 * Heavy load without any fault, for thirty minutes: one process for each core that only computes, and callers that never
 * pause. Nothing may be called ill, and nothing restarted. `CALM_MINUTES` makes it shorter.
 */
import { spawn } from "node:child_process";
import { cpus } from "node:os";
import type { Detection, HealingRecord } from "../../models/healing.ts";
import { hasNats, TestOrganism } from "../support/organism.ts";

/** Calls that are always under way. */
const CALLERS = 32;

const minutes = Number(process.env.CALM_MINUTES ?? 30);
const bus: Record<string, string> = hasNats() ? {} : { AZORA_EVENT_BUS_URL: "mesh" };
const organism = await TestOrganism.create({ AZORA_HEALTH_INTERVAL: "5000", AZORA_HEALING_TIME_SCALE: "1", ...bus });
const alarms: string[] = [];
const failed: Record<string, number> = {};
let calls = 0;
const burners = cpus().map(() => spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" }));
try {
  await organism.up();
  const lives = await incarnations(organism);
  const caller = await organism.join();
  caller.createService({
    name: "alarms",
    events: {
      "healing.detected": ({ params }: { params: Detection }) => {
        alarms.push(`${params.failure}: ${params.evidence.join("; ")}`);
      },
      "healing.recorded": ({ params }: { params: HealingRecord }) => {
        alarms.push(`${params.failure}, ${params.action}: ${params.reason}`);
      },
    },
  } as never);
  const before = busy();
  const end = Date.now() + minutes * 60_000;
  await Promise.all(Array.from({ length: CALLERS }, (_, index) => callUntil(end, index)));
  const load = Math.round(share(before, busy()));
  await organism.untilHealthy();
  const now = await incarnations(organism);
  for (const [name, life] of lives)
    if (now.get(name) !== life) alarms.push(`${name} was restarted: life ${life} became ${now.get(name)}`);
  console.log(`${minutes} min, cores ${load} % busy, ${calls} calls, failed: ${JSON.stringify(failed)}`);
  console.log(alarms.length === 0 ? "no alarm" : `${alarms.length} alarms:\n${alarms.join("\n")}`);

  async function callUntil(end: number, index: number): Promise<void> {
    while (Date.now() < end) {
      const call =
        index % 4 === 0
          ? caller.call("ledger.write", { id: `${index}-${calls}` })
          : caller.call("ledger.read", { id: calls });
      await call.then(
        () => calls++,
        (error: { type?: string; message: string }) => {
          const kind = error.type ?? error.message;
          failed[kind] = (failed[kind] ?? 0) + 1;
        },
      );
    }
  }
} catch (error) {
  alarms.push((error as Error).message);
  console.error((error as Error).message);
} finally {
  for (const burner of burners) burner.kill("SIGKILL");
  await organism.down().catch((error: Error) => {
    alarms.push(error.message);
    console.error(error.message);
  });
}
process.exit(alarms.length > 0 || Object.keys(failed).length > 0 ? 1 : 0);

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
