import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { takeLock } from "../../../runtime/lock.ts";
import { identify, ownIdentity } from "../../../runtime/process-identity.ts";

describe("the spine's lock", () => {
  let folder: string;
  let path: string;
  const children: ChildProcess[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "azora-lock-"));
    path = join(folder, "spine.lock");
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  });
  const dead = () => {
    const { pid } = spawnSync("true");
    return JSON.stringify({ ...ownIdentity(), pid, startTime: "1" });
  };

  test("names its holder, and is taken once by each", () => {
    expect(takeLock(path)).toBe(true);
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(ownIdentity());
    expect(takeLock(path)).toBe(true);
    expect(readdirSync(folder)).toEqual(["spine.lock"]);
  });

  test("is not taken from a living process", () => {
    const holder = spawn("sleep", ["60"]);
    children.push(holder);
    const content = JSON.stringify(identify(holder.pid!));
    writeFileSync(path, content);
    expect(takeLock(path)).toBe(false);
    expect(readFileSync(path, "utf8")).toBe(content);
  });

  test.each([
    ["of a dead process", dead],
    ["of a process whose pid is another's now", () => JSON.stringify({ ...ownIdentity(), startTime: "1" })],
    ["of another boot", () => JSON.stringify({ ...ownIdentity(), bootId: "x" })],
    ["that a crash of the machine left empty", () => ""],
    ["that is torn", () => '{"pid":'],
  ])("%s is void", (_what, content) => {
    writeFileSync(path, content());
    expect(takeLock(path)).toBe(true);
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(ownIdentity());
    expect(readdirSync(folder)).toEqual(["spine.lock"]);
  });

  test("is taken by exactly one of those who race for it, whether it is free or a dead one's", async () => {
    const ROUNDS = 400;
    for (let round = 0; round < ROUNDS; round++) if (round % 8 > 0) writeFileSync(join(folder, `${round}.lock`), DEAD);
    const start = Date.now() + 700;
    const args = [join(import.meta.dirname, "lock-process.ts"), folder, String(ROUNDS), String(start), "2"];
    for (let i = 0; i < 4; i++)
      children.push(
        spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...args], {
          stdio: ["pipe", "pipe", "inherit"],
        }),
      );
    const lines = await Promise.all(
      children.map(async (child) => JSON.parse(String((await once(child.stdout!, "data"))[0])) as number[]),
    );
    const holders = new Array<number>(ROUNDS).fill(0);
    for (const round of lines.flat()) holders[round]!++;
    expect(holders).toEqual(new Array(ROUNDS).fill(1));
  });

  const DEAD = dead();
});
