/** Durable audit entries over NATS, logged one by one by three nodes at once. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../runtime/free-port.ts";
import { goal, medians, type Result, round } from "./report.ts";

const NODES = 3;
const SECONDS = 4;
const SIDE = join(import.meta.dirname, "chain-bus-side.ts");

export async function chainBus(rounds = 5): Promise<Result> {
  const port = await freePort();
  const url = `nats://127.0.0.1:${port}`;
  const folder = mkdtempSync(join(tmpdir(), "azora-bench-"));
  const path = `${process.env["PATH"]}:/usr/sbin`;
  const nats = spawn("nats-server", ["-a", "127.0.0.1", "-p", String(port)], {
    stdio: "ignore",
    env: { ...process.env, PATH: path },
  });
  const perSecond: number[] = [];
  const p99: number[] = [];
  let chain: ChildProcess | undefined;
  try {
    await new Promise((done) => setTimeout(done, 300));
    chain = side("chain", url, folder);
    await once(chain.stdout!, "data");
    for (let at = 0; at < rounds; at++) {
      const callers = await Promise.all(
        Array.from({ length: NODES }, () => said(side("caller", url, String(SECONDS)))),
      );
      perSecond.push(round(callers.reduce((sum, { entries }) => sum + entries, 0) / SECONDS));
      p99.push(Math.max(...callers.map((caller) => caller.p99)));
    }
  } finally {
    if (chain?.exitCode === null && chain.kill()) await once(chain, "exit");
    nats.kill();
    rmSync(folder, { recursive: true, force: true });
  }
  const runs = { "azora, three nodes over NATS": perSecond };
  const of = medians(runs);
  const own = of["azora, three nodes over NATS"]!;
  return {
    name: "chain-bus",
    measures: "durable acknowledged audit entries over the bus, one call each, from three nodes with 64 in flight",
    unit: "entries/s",
    runs,
    medians: of,
    goals: [goal("over the bus from three nodes, at least 10000 a second", own, own >= 10_000)],
    notes: [`p99 of the slowest node, ms: ${p99.map(round).join(", ")}`],
  };
}

function side(role: string, url: string, value: string): ChildProcess {
  return spawn(process.execPath, ["--disable-warning=ExperimentalWarning", SIDE, role, url, value], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function said(child: ChildProcess): Promise<{ entries: number; p99: number }> {
  let text = "";
  child.stdout!.on("data", (part) => {
    text += part;
  });
  await once(child, "exit");
  return JSON.parse(text) as { entries: number; p99: number };
}
