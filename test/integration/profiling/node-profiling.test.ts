import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { ServiceBroker } from "moleculer";
import { profilingActions } from "../../../runtime/profiling/node-profiling.ts";

describe("the profiling of a node", () => {
  let data: string;
  let broker: ServiceBroker;
  beforeEach(async () => {
    data = mkdtempSync(join(tmpdir(), "azora-profiling-"));
    broker = new ServiceBroker({ nodeID: "muscles-1", logger: false, requestTimeout: 500 });
    broker.createService({ name: "node-performance", actions: profilingActions(broker, data) });
    await broker.start();
  });
  afterEach(async () => {
    await broker.stop();
    rmSync(data, { recursive: true });
  });

  const call = (action: string, params: object = {}) => broker.call(`node-performance.${action}`, params);

  test("takes its time though calls are bounded, and allows one at a time", async () => {
    const first = call("profile", { seconds: 1 });
    await expect(call("profile", { seconds: 1 })).rejects.toMatchObject({ type: "PROFILE_REFUSED" });
    expect(await first).toMatchObject({
      node: "muscles-1",
      file: expect.stringMatching(/\.cpuprofile$/),
      top: expect.anything(),
    });
    expect(readdirSync(join(data, "profiles"))).toHaveLength(1);
  });

  test.each([{ seconds: 0 }, { seconds: 61 }, { seconds: 1.5 }, { seconds: "1" }, { kind: "disk" }, { folder: "/" }])(
    "refuses %j",
    async (params) => {
      await expect(call("profile", params)).rejects.toMatchObject({ type: "VALIDATION_ERROR" });
    },
  );

  test("collects garbage, and says for how long it stood still", async () => {
    expect(await call("collectGarbage")).toEqual({
      node: "muscles-1",
      before: expect.any(Number),
      after: expect.any(Number),
      pause: expect.any(Number),
    });
    expect(await call("collectWhenIdle", { on: true })).toMatchObject({ before: false, after: true });
    expect(await call("collectWhenIdle", { on: false })).toMatchObject({ before: true, after: false, runs: 0 });
  });

  test("writes a snapshot of the heap that shows what is in memory, for its owner alone", async () => {
    const script = join(import.meta.dirname, "profiled-process.ts");
    const { stdout } = await promisify(execFile)(process.execPath, [
      "--disable-warning=ExperimentalWarning",
      script,
      data,
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ node: "muscles-1", mode: "600", found: true });
    expect(JSON.parse(stdout).blocked).toBeGreaterThan(10);
    expect(JSON.parse(stdout).nodes).toBeGreaterThan(10_000);
  });
});
