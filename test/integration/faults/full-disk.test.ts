import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";

/** A file system of our own, which nobody else sees. */
const OWN_MOUNTS = ["--user", "--map-root-user", "--mount"];
const allowed = spawnSync("unshare", [...OWN_MOUNTS, "sh", "-c", "mount -t tmpfs -o size=1m none /mnt"]).status === 0;
const describeAllowed = allowed || process.env.CI === "true" ? describe : describe.skip;

describeAllowed("a disk that is filled [needs unshare: util-linux]", () => {
  test("takes nothing more from anybody, and has all its room again when that is undone", () => {
    const folder = mkdtempSync(join(tmpdir(), "azora-full-"));
    try {
      const script = join(import.meta.dirname, "fill-process.ts");
      const command = `mount -t tmpfs -o size=24m none "${folder}" && exec "${process.execPath}" --disable-warning=ExperimentalWarning "${script}" "${folder}"`;
      const told = JSON.parse(execFileSync("unshare", [...OWN_MOUNTS, "sh", "-c", command], { encoding: "utf8" }));
      expect(told).toMatchObject({ whileFull: "ENOSPC", after: "written" });
      expect(told.writtenMB).toBeGreaterThanOrEqual(22);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
