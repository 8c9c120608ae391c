import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { freePort } from "../../../runtime/free-port.ts";
import { portHolder } from "../../../runtime/port-holder.ts";

const ROOT = resolve(import.meta.dirname, "../../..");

function azora(args: string[], env: Record<string, string> = {}): Promise<{ code: number; out: string; err: string }> {
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("AZORA_")));
  return new Promise((done) => {
    execFile(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", join(ROOT, "cli/main.ts"), ...args],
      { cwd: tmpdir(), env: { ...clean, NO_COLOR: "1", AZORA_DATA_DIR: join(tmpdir(), "azora-nowhere"), ...env } },
      (error, out, err) => done({ code: error ? Number(error.code) : 0, out, err }),
    );
  });
}

describe("the command line", () => {
  test.each([
    [["--help"], 0, /status.*\n/],
    [["--version"], 0, new RegExp(JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).version)],
    [["scale", "--help"], 0, /azora scale/],
    [["chain", "--help"], 0, /azora chain <command>.*checkpoint/s],
    [["chain", "checkpoint", "--help"], 0, /azora chain checkpoint/],
    [["chain"], 2, /azora chain <command>/],
    [[], 2, /runs a folder of services/],
  ])("answers %j with %d", async (args, code, out) => {
    const answer = await azora(args);
    expect([answer.code, answer.out]).toEqual([code, expect.stringMatching(out)]);
  });

  test.each([
    [["staus"], /there is no command staus; did you mean status\?/],
    [["elephant"], /there is no command elephant\n/],
    [["chain", "chekpoint"], /there is no command chain chekpoint; did you mean checkpoint\?/],
    [["chain", "checkpoint", "a"], /usage: azora chain checkpoint/],
    [["restart"], /usage: azora restart/],
    [["status", "--colour"], /--colour/],
    [["status", "a", "b", "c"], /usage: azora status/],
  ])("refuses %j as wrong usage", async (args, err) => {
    const answer = await azora(args);
    expect([answer.code, answer.err]).toEqual([2, expect.stringMatching(err)]);
  });

  test("names a wrong setting", async () => {
    const { code, err } = await azora(["status"], { AZORA_PORT: "x" });
    expect([code, err]).toEqual([2, 'azora: AZORA_PORT is "x", but must be a whole number from 1 to 65535\n']);
  });

  test("fails in one line where no organism runs", async () => {
    const port = String(await freePort());
    const { code, err } = await azora(["why", "ledger"], { AZORA_ORCHESTRATOR_PORT: port });
    expect([code, err]).toEqual([
      1,
      `azora: no organism answers on http://127.0.0.1:${port}; start one with "azora up"\n`,
    ]);
  });
});

describe("who holds a port", () => {
  test("is named with its program and pid, and nobody where it is free", async () => {
    const port = await freePort();
    expect(await portHolder(port)).toBeUndefined();
    const server = createServer();
    await new Promise<void>((done) => server.listen(port, "127.0.0.1", done));
    expect(await portHolder(port)).toContain(`(pid ${process.pid})`);
    await new Promise((done) => server.close(done));
  });
});
