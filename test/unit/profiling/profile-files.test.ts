import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { ProfileFiles } from "../../../runtime/profiling/profile-files.ts";

describe("the files of profiles", () => {
  let data: string;
  beforeEach(() => {
    data = mkdtempSync(join(tmpdir(), "azora-profiles-"));
  });
  afterEach(() => rmSync(data, { recursive: true }));

  const put = (files: ProfileFiles, at: number, bytes: number): string => {
    const path = files.next("cpuprofile", at);
    writeFileSync(path, Buffer.alloc(bytes));
    utimesSync(path, at / 1000, at / 1000);
    return path;
  };

  test("are named by node and time, in a folder that only its owner reads", () => {
    const files = new ProfileFiles(data, "muscles-1");
    const path = put(files, Date.UTC(2026, 10, 20, 8, 1, 13, 123), 1);
    expect(basename(path)).toBe("muscles-1-20261120T080113123Z.cpuprofile");
    expect(statSync(join(data, "profiles")).mode & 0o777).toBe(0o700);
  });

  test("never take a name that is taken", () => {
    const files = new ProfileFiles(data, "muscles-1");
    const at = Date.UTC(2026, 0, 1);
    expect(basename(put(files, at, 1))).toBe("muscles-1-20260101T000000000Z.cpuprofile");
    expect(basename(put(files, at, 1))).toBe("muscles-1-20260101T000000000Z-2.cpuprofile");
  });

  test("do not leave their folder, whatever the node is called", () => {
    const files = new ProfileFiles(data, "../../heart-1@some.host");
    expect(files.next("heapsnapshot", 0).startsWith(join(data, "profiles", ".._.._heart-1@some.host-"))).toBe(true);
  });

  test("are bounded in number and bytes: the oldest go, the newest stays", () => {
    const files = new ProfileFiles(data, "muscles-1", { count: 3, bytes: 1000 });
    for (let i = 0; i < 5; i++) put(files, 1e12 + i * 1000, 10);
    files.prune();
    expect(readdirSync(files.folder)).toHaveLength(3);
    const large = put(files, 2e12, 5000);
    files.prune();
    expect(readdirSync(files.folder)).toEqual([basename(large)]);
  });

  test("of another node, and whatever else lies there, are left alone", () => {
    const files = new ProfileFiles(data, "muscles-1", { count: 1, bytes: 1000 });
    const other = put(new ProfileFiles(data, "muscles-12"), 1, 1);
    mkdirSync(files.folder, { recursive: true });
    writeFileSync(join(files.folder, "muscles-1-notes.txt"), "mine");
    put(files, 1e12, 1);
    const newest = put(files, 2e12, 1);
    files.prune();
    expect(readdirSync(files.folder).sort()).toEqual([basename(newest), "muscles-1-notes.txt", basename(other)].sort());
  });
});
