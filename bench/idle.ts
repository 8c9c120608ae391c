/** What the orchestrator's own node costs while 200 services do nothing. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestOrganism } from "../test/support/organism.ts";
import { writeServices } from "./fixture.ts";
import { goal, medians, type Result } from "./report.ts";

const SERVICES = 200;
const WINDOW_MS = 5000;
const TICKS_PER_SECOND = 100;

export async function idle(windows = 5): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "azora-bench-"));
  writeServices(join(folder, "project"), SERVICES);
  const organism = await TestOrganism.create({ AZORA_HEALTH_INTERVAL: "5000" });
  const runs: Record<string, number[]> = { "cpu %": [], "memory MB": [] };
  try {
    await organism.up(join(folder, "project"));
    await new Promise((done) => setTimeout(done, 5000));
    const pid = await organism.pid("nervous-1");
    for (let i = 0; i < windows; i++) {
      const before = ticks(pid);
      await new Promise((done) => setTimeout(done, WINDOW_MS));
      runs["cpu %"]!.push(((ticks(pid) - before) / TICKS_PER_SECOND / (WINDOW_MS / 1000)) * 100);
      runs["memory MB"]!.push(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024);
    }
  } finally {
    await organism.down();
    rmSync(folder, { recursive: true, force: true });
  }
  const middle = medians(runs);
  return {
    name: "idle",
    measures: `the orchestrator's node (with health-monitor and monitoring-service) at ${SERVICES} idle services`,
    unit: "",
    runs,
    medians: middle,
    goals: [
      goal("under 5 % of one core (%)", middle["cpu %"]!, middle["cpu %"]! < 5),
      goal("under 150 MB (MB)", middle["memory MB"]!, middle["memory MB"]! < 150),
    ],
  };
}

/** User and system time of a process, in clock ticks. */
function ticks(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}
