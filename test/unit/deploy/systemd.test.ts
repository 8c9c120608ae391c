import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { describeWith } from "../../support/needs.ts";

const PROGRAM = "/opt/azora/node_modules/.bin/azora";
const file = join(import.meta.dirname, "../../../deploy/azora.service");
const unit = readFileSync(file, "utf8");
const values = (name: string) => [...unit.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value]) => value!);

describe("the systemd unit", () => {
  test("lets Azora write where its settings say, and nowhere else", () => {
    const folders = values("Environment")
      .join(" ")
      .match(/AZORA_(DATA|LOG)_DIR=(\S+)/g)!;
    expect(values("ReadWritePaths")).toEqual([folders.map((pair) => pair.split("=")[1]).join(" ")]);
    expect(values("ProtectSystem")).toEqual(["strict"]);
  });

  test("gives a graceful stop more time than the spine takes at most", () => {
    const spine = readFileSync(join(import.meta.dirname, "../../../spine/spine.ts"), "utf8");
    const longest = Number(/STOP_TIMEOUT_MS = ([\d_]+)/.exec(spine)![1]!.replaceAll("_", "")) / 1000;
    expect(Number(values("TimeoutStopSec")[0])).toBeGreaterThan(longest);
    expect(values("KillMode")).toEqual(["mixed"]);
  });
});

describeWith(
  "systemd-analyze",
  "the systemd unit, as systemd reads it",
  () => {
    test("has no mistakes", () => {
      const folder = mkdtempSync(join(tmpdir(), "azora-unit-"));
      try {
        // systemd asks for the program; it is installed on the target machine only.
        const copy = join(folder, "azora.service");
        writeFileSync(copy, unit.replaceAll(PROGRAM, "/bin/true"));
        const { status, stderr } = spawnSync("systemd-analyze", ["verify", copy], {
          encoding: "utf8",
          timeout: 20_000,
        });
        expect(stderr).toBe("");
        expect(status).toBe(0);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });

    test("is shut in: its exposure stays at 2 of 10 or below", () => {
      const args = ["security", "--offline=true", "--threshold=20", "--no-pager", file];
      const { status, stdout } = spawnSync("systemd-analyze", args, { encoding: "utf8", timeout: 20_000 });
      expect(stdout).toContain("Overall exposure level");
      expect(status).toBe(0);
    });
  },
  "systemd",
);
