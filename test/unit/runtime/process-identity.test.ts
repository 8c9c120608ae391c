import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "@jest/globals";
import { identify, isAlive, ownIdentity, signal } from "../../../runtime/process-identity.ts";

describe("the identity of a process", () => {
  const children: ChildProcess[] = [];
  const start = (command: string, ...args: string[]): ChildProcess => {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "ignore"] });
    children.push(child);
    return child;
  };
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  test("is that of this very process", () => {
    const own = ownIdentity();
    expect(own.pid).toBe(process.pid);
    expect(own.bootId).toBe(readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
    expect(isAlive(own)).toBe(true);
  });

  test("is no longer alive after its end", async () => {
    const child = start("sleep", "60");
    const identity = identify(child.pid!)!;
    expect(isAlive(identity)).toBe(true);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect([isAlive(identity), identify(identity.pid), signal(identity, "SIGTERM")]).toEqual([false, undefined, false]);
  });

  test("is not that of a zombie, although a zombie takes signals", async () => {
    // The shell does not reap its child as long as it waits for a line.
    const shell = start("sh", "-c", "sleep 0 & echo $!; read line");
    const pid = Number(String((await once(shell.stdout!, "data"))[0]));
    const state = () => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]![0];
    for (let i = 0; state() !== "Z" && i < 200; i++) await sleep(5);
    expect(state()).toBe("Z");
    expect(process.kill(pid, 0)).toBe(true);
    expect(identify(pid)).toBeUndefined();
  });

  test("is not that of another process with the same pid", () => {
    const child = start("sleep", "60");
    const identity = identify(child.pid!)!;
    const former = { ...identity, startTime: String(Number(identity.startTime) - 1) };
    expect([isAlive(former), signal(former, "SIGKILL")]).toEqual([false, false]);
    expect(isAlive({ ...identity, bootId: "another boot" })).toBe(false);
    expect(isAlive(identity)).toBe(true);
  });

  test("is read rightly of a process whose name has blanks and parentheses", async () => {
    const child = start("sh", "-c", "printf 'a) Z (b' > /proc/self/comm; echo there; read line");
    await once(child.stdout!, "data");
    expect(readFileSync(`/proc/${child.pid}/stat`, "utf8")).toContain("a) Z (b");
    const identity = identify(child.pid!)!;
    expect(identity.startTime).toMatch(/^\d+$/);
    expect(isAlive(identity)).toBe(true);
  });

  test("takes a signal for its group, or alone where it leads none", async () => {
    const child = start("sleep", "60");
    expect(signal(identify(child.pid!)!, "SIGKILL", true)).toBe(true);
    expect(await once(child, "exit")).toEqual([null, "SIGKILL"]);
  });
});
