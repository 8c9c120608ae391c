import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  autogroup,
  cgroupWeight,
  NICENESS,
  ProcessShare,
  type ShareLever,
} from "../../../../runtime/balance/process-share.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "share-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function lever(value: number, isAllowed = true): ShareLever & { value: number } {
  return {
    name: "niceness",
    value,
    read() {
      return this.value;
    },
    write(wanted) {
      if (!isAllowed) throw Object.assign(new Error("not allowed"), { code: "EACCES" });
      this.value = wanted;
    },
    valueOf: NICENESS.valueOf,
  };
}

describe("The share of a process", () => {
  test("is turned from what it was, and turned back", () => {
    const nice = lever(2);
    const share = new ProcessShare([nice]);
    expect(share.set(20)).toEqual({ turned: ["niceness 1"], not: [] });
    expect(share.set(100)).toEqual({ turned: ["niceness -1"], not: [] });
    expect(share.set(0)).toEqual({ turned: [], not: [] });
    expect(nice.value).toBe(2);
  });

  test("is somebody else's from when he has changed it", () => {
    const nice = lever(0);
    const share = new ProcessShare([nice]);
    share.set(20);
    nice.value = 5;
    expect(share.set(20).turned).toEqual(["niceness 4"]);
    nice.value = 7;
    share.set(0);
    expect(nice.value).toBe(7);
  });

  test("says what this user may not turn, and what there is not", () => {
    expect(new ProcessShare([lever(0, false)]).set(20)).toEqual({ turned: [], not: ["niceness -1: EACCES"] });
    expect(new ProcessShare([]).set(20).not).toEqual(["this system has nothing to turn"]);
  });

  test("in steps of niceness is worth a quarter each, never goes out of bounds, and has always an effect", () => {
    fc.assert(
      fc.property(fc.integer({ min: -20, max: 19 }), fc.integer({ min: -50, max: 100 }), (base, percent) => {
        const nice = NICENESS.valueOf(base, percent);
        expect(nice).toBeGreaterThanOrEqual(-20);
        expect(nice).toBeLessThanOrEqual(19);
        if (percent === 0) expect(nice).toBe(base);
        else if (base > -16 && base < 15) expect(Math.sign(base - nice)).toBe(Math.sign(percent));
      }),
    );
    expect(NICENESS.valueOf(0, 100)).toBe(-3);
    expect(NICENESS.valueOf(0, -50)).toBe(3);
  });

  test("of a session counts where the scheduler groups by session", () => {
    mkdirSync(join(folder, "sys/kernel"), { recursive: true });
    mkdirSync(join(folder, "self"));
    writeFileSync(join(folder, "self/autogroup"), "/autogroup-20909 nice 0\n");
    writeFileSync(join(folder, "sys/kernel/sched_autogroup_enabled"), "0\n");
    expect(autogroup(folder).read()).toBeUndefined();
    writeFileSync(join(folder, "sys/kernel/sched_autogroup_enabled"), "1\n");
    expect(autogroup(folder).read()).toBe(0);
    autogroup(folder).write(-3);
    expect(readFileSync(join(folder, "self/autogroup"), "utf8")).toBe("-3");
  });

  test("of a cgroup is left alone where others are in it", () => {
    mkdirSync(join(folder, "proc/self"), { recursive: true });
    mkdirSync(join(folder, "cgroup/node"), { recursive: true });
    writeFileSync(join(folder, "proc/self/cgroup"), "0::/node\n");
    writeFileSync(join(folder, "cgroup/node/cpu.weight"), "100\n");
    writeFileSync(join(folder, "cgroup/node/cgroup.procs"), `${process.pid}\n1\n`);
    const weight = cgroupWeight(join(folder, "proc"), join(folder, "cgroup"));
    expect(weight.read()).toBeUndefined();
    writeFileSync(join(folder, "cgroup/node/cgroup.procs"), `${process.pid}\n`);
    const share = new ProcessShare([weight]);
    expect(share.set(20).turned).toEqual(["cpu.weight 120"]);
    expect(readFileSync(join(folder, "cgroup/node/cpu.weight"), "utf8")).toBe("120");
    share.set(0);
    expect(readFileSync(join(folder, "cgroup/node/cpu.weight"), "utf8")).toBe("100");
  });
});
