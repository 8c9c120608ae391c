import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { freePort } from "../../runtime/free-port.ts";
import { describeWith } from "../support/needs.ts";
import { TestOrganism } from "../support/organism.ts";

interface Sample {
  metric: Record<string, string>;
  value: [number, string];
}

describeWith("prometheus", "Debian's Prometheus", () => {
  let organism: TestOrganism;
  let folder: string;
  let prometheus: ChildProcess;
  let port: number;
  beforeAll(async () => {
    organism = await TestOrganism.create();
    await organism.up();
    await organism.untilHealthy();
    folder = mkdtempSync(join(tmpdir(), "azora-prometheus-"));
    port = await freePort();
    const config = `global: {scrape_interval: 500ms}\nscrape_configs: [{job_name: azora, static_configs: [{targets: ["127.0.0.1:${organism.port}"]}]}]\n`;
    writeFileSync(join(folder, "prometheus.yml"), config);
    prometheus = spawn(
      "prometheus",
      [
        `--config.file=${join(folder, "prometheus.yml")}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: "ignore" },
    );
  }, 40_000);
  afterAll(async () => {
    prometheus?.kill("SIGKILL");
    await organism?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The samples of a query, as soon as they are what is waited for. */
  async function query(expression: string, wanted: (samples: Sample[]) => boolean): Promise<Sample[]> {
    const end = Date.now() + 15_000;
    let seen: Sample[] = [];
    while (Date.now() < end) {
      try {
        const response = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`);
        seen = ((await response.json()) as { data: { result: Sample[] } }).data.result;
        if (wanted(seen)) return seen;
      } catch {
        // Prometheus is starting
      }
      await sleep(100);
    }
    throw new Error(`not within 15 s: ${expression}; last seen ${JSON.stringify(seen)}`);
  }

  test("scrapes the organism and reads its calls, errors and durations as they are", async () => {
    await query("up", ([up]) => up?.value[1] === "1");
    const broker = await organism.join();
    for (let i = 0; i < 25; i++) await broker.call("vault.open");
    const own = await query(
      `sum(azora_action_duration_seconds_count{service="vault",action="vault.open"})`,
      ([sum]) => Number(sum?.value[1]) >= 25,
    );
    expect(Number(own[0]!.value[1])).toBe(25);
    const bucket = await query(
      `sum(azora_action_duration_seconds_bucket{service="vault",action="vault.open",le="+Inf"})`,
      ([sum]) => Number(sum?.value[1]) >= 25,
    );
    expect(Number(bucket[0]!.value[1])).toBe(25);
    const served = await query(
      `sum(azora_served_work_seconds_count{service="vault",action="vault.open"})`,
      ([sum]) => Number(sum?.value[1]) >= 25,
    );
    expect(Number(served[0]!.value[1])).toBe(25);
    const { nodes } = await organism.status();
    const memory = await query("azora_node_memory_bytes", (samples) => samples.length === nodes.length);
    expect(memory.map(({ metric }) => metric["node"]).sort()).toEqual(nodes.map(({ id }) => id).sort());
    for (const { value } of memory) expect(Number(value[1])).toBeGreaterThan(10_000_000);
  }, 40_000);
});
