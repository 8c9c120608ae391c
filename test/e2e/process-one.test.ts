import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { freePorts, processesOf } from "../support/command.ts";

/** What a container is to its first process: a name space of processes in which it is number 1. */
const OWN_PROCESSES = ["--user", "--map-root-user", "--pid", "--fork", "--mount-proc"];
const allowed = spawnSync("unshare", [...OWN_PROCESSES, "true"]).status === 0;
const describeAllowed = allowed || process.env.CI === "true" ? describe : describe.skip;

const children = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
const stateOf = (pid: number) => / ([A-Z]) /.exec(readFileSync(`/proc/${pid}/stat`, "utf8").split(")").at(-1)!)?.[1];

describeAllowed("azora up as process 1 [needs unshare: util-linux]", () => {
  let folder: string;
  let container: ChildProcess;
  let output = "";

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "azora-one-"));
    const [port, orchestratorPort] = await freePorts(2);
    const env = {
      ...process.env,
      AZORA_DATA_DIR: join(folder, "data"),
      AZORA_LOG_DIR: join(folder, "logs"),
      AZORA_NAMESPACE: `one-${process.pid}`,
      AZORA_PORT: String(port),
      AZORA_ORCHESTRATOR_PORT: String(orchestratorPort),
    };
    container = spawn("unshare", [...OWN_PROCESSES, process.execPath, "bin/azora.mjs", "up"], {
      cwd: join(import.meta.dirname, "../.."),
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [container.stdout!, container.stderr!])
      stream.on("data", (chunk: Buffer) => {
        output += chunk.toString();
      });
    await until(() => output.includes("healthy"));
  });

  afterEach(() => {
    // The end of its process 1 ends a whole name space.
    if (container.exitCode === null) for (const pid of children(container.pid!)) process.kill(pid, "SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  async function until(come: () => boolean): Promise<void> {
    for (const end = Date.now() + 15_000; !come(); ) {
      if (Date.now() > end) throw new Error(`waited 15 s in vain; it said:\n${output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  test("collects orphans, and stops everything in order at SIGTERM", async () => {
    const one = children(container.pid!)[0]!;
    const spineOf = () =>
      processesOf(folder)
        .find((line) => line.includes("azora spine"))
        ?.split(" ")[0];
    const first = spineOf();
    process.kill(Number(first), "SIGKILL");
    await until(() => ![undefined, first].includes(spineOf()));
    expect(children(one).filter((pid) => stateOf(pid) === "Z")).toEqual([]);

    process.kill(one, "SIGTERM");
    await until(() => container.exitCode !== null);
    expect(container.exitCode).toBe(0);
    expect(output).toContain("everything is stopped");
    expect(processesOf(folder)).toEqual([]);
  }, 40_000);
});
