import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { killLeftovers } from "../../../spine/leftovers.ts";

const LIVING = "setInterval(() => {}, 1000);";
/** Starts another node whenever one has ended, and takes its time with its own end. */
const ORCHESTRATOR = `process.title = "azora nervous-1";
  const { spawn } = require("node:child_process");
  const start = () => spawn(process.execPath, ["-e", ${JSON.stringify(`process.title = "azora heart-1"; ${LIVING}`)}],
    { detached: true, stdio: "ignore" }).once("exit", start);
  start();
  process.on("SIGTERM", () => setTimeout(() => process.exit(0), 1000));`;

describe("what is left of an organism", () => {
  let folder: string;
  let child: ChildProcess;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "azora-left-"));
    child = spawn(process.execPath, ["-e", ORCHESTRATOR], {
      env: { ...process.env, AZORA_DATA_DIR: folder },
      detached: true,
      stdio: "ignore",
    });
  });
  afterEach(() => {
    for (const pid of own()) process.kill(pid, "SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  const own = (): number[] =>
    readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .filter((pid) => {
        try {
          const isZombie = readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
          return !isZombie && readFileSync(`/proc/${pid}/environ`, "utf8").includes(`AZORA_DATA_DIR=${folder}`);
        } catch {
          return false;
        }
      })
      .map(Number);

  test("is ended with what an orchestrator starts again meanwhile", async () => {
    const started = Date.now();
    while (own().length < 2 && Date.now() - started < 5000) await new Promise((resolve) => setTimeout(resolve, 20));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(own()).toContain(child.pid);
    expect(await killLeftovers(folder, [], () => {})).toBeGreaterThanOrEqual(2);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(own()).toEqual([]);
  });
});
