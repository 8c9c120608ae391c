import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { collectGarbage } from "../../../runtime/profiling/collect-garbage.ts";
import { GcWatch } from "../../../runtime/profiling/gc-watch.ts";
import { ProfileFiles } from "../../../runtime/profiling/profile-files.ts";
import { Profiler, type ProfilerOptions } from "../../../runtime/profiling/profiler.ts";
import { selfTimes } from "../../../runtime/profiling/self-times.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const MB = 2 ** 20;

describe("a node's profiler", () => {
  let data: string;
  let clock: FakeClock;
  beforeEach(() => {
    data = mkdtempSync(join(tmpdir(), "azora-profiler-"));
    clock = new FakeClock();
  });
  afterEach(() => rmSync(data, { recursive: true }));

  const profilerOf = (options: Partial<ProfilerOptions> = {}) =>
    new Profiler({ files: new ProfileFiles(data, "muscles-1"), clock, ...options });
  /** Lets inspector answers come in, and turns the clock until the work is done. */
  async function during<T>(work: Promise<T>, busy: () => void = () => {}): Promise<T> {
    let over = false;
    const ended = () => {
      over = true;
    };
    work.then(ended, ended);
    while (!over) {
      busy();
      clock.advance(200);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return work;
  }

  function spin(): void {
    const end = performance.now() + 30;
    while (performance.now() < end);
  }

  test("writes a file that says which function took the time, for its owner's eyes only", async () => {
    const result = await during(profilerOf().cpu(2), spin);
    // V8 may count it for its caller, of which it makes it a part.
    const seen = result.top.filter((one) => one.file.endsWith("profiler.test.ts")).map((one) => one.function);
    expect(["spin", "during"]).toContain(seen[0]);
    expect(statSync(result.file).mode & 0o777).toBe(0o600);
    const written = JSON.parse(readFileSync(result.file, "utf8"));
    expect(Object.keys(written)).toEqual(
      expect.arrayContaining(["nodes", "samples", "timeDeltas", "startTime", "endTime"]),
    );
    expect(selfTimes(written).top).toEqual(result.top);
    expect(result.bytes).toBe(statSync(result.file).size);
  });

  test("does one thing at a time, and is free again afterwards", async () => {
    const profiler = profilerOf();
    const first = profiler.cpu(1);
    await expect(profiler.allocations(1)).rejects.toMatchObject({
      type: "PROFILE_REFUSED",
      code: 409,
      message: expect.stringContaining("a CPU profile is under way"),
    });
    await during(first);
    const { file } = await during(profiler.allocations(1));
    expect(JSON.parse(readFileSync(file, "utf8")).head.callFrame.functionName).toBe("(root)");
  });

  test.each([
    ["too long", { heapUsed: () => 400 * MB }, /would block the node for about 24 s/],
    [
      "too much memory",
      { heapUsed: () => 100 * MB, freeMemory: () => 900 * MB },
      /needs 1000 MB of memory, and 900 MB are free/,
    ],
    [
      "too much disk",
      { heapUsed: () => 100 * MB, freeDisk: () => 150 * MB },
      /needs 200 MB on the disk of .*profiles, and 150 MB/,
    ],
  ])("refuses a heap snapshot that takes %s, and leaves nothing behind", async (_why, options, message) => {
    const told: number[] = [];
    const profiler = profilerOf({
      freeMemory: () => 1e12,
      freeDisk: () => 1e12,
      willBlock: (ms) => told.push(ms),
      ...options,
    });
    await expect(profiler.heapSnapshot()).rejects.toMatchObject({
      type: "PROFILE_REFUSED",
      message: expect.stringMatching(message),
    });
    expect(told).toEqual([]);
    expect(readdirSync(join(data, "profiles"))).toEqual([]);
  });

  test("counts collections, and knows what the heap needs after a full one", async () => {
    const watch = new GcWatch();
    watch.start();
    const { pause } = collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { gc, heapAfterGc } = watch.take();
    expect(gc.count).toBeGreaterThanOrEqual(1);
    expect(gc.longest).toBeGreaterThan(100);
    expect(gc.longest).toBeLessThanOrEqual(gc.sum);
    expect(pause).toBeGreaterThan(0);
    expect(heapAfterGc).toBeGreaterThan(1e6);
    expect(watch.take().gc).toEqual({ count: 0, sum: 0, longest: 0 });
    watch.stop();
  });
});
