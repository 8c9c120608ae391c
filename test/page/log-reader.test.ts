import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { readLogs } from "../../services/nervous/master-orchestrator/api/log-reader.ts";

const record = (second: number, message: string, more = {}) =>
  JSON.stringify({
    time: new Date(second * 1000).toISOString(),
    level: "info",
    node: "n",
    source: "s",
    message,
    ...more,
  });

describe("reading the newest log lines", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "azora-logs-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const messages = (query: Partial<Parameters<typeof readLogs>[1]> = {}) =>
    readLogs(folder, { lines: 5000, ...query }).map(({ message }) => message);

  it("reads every line once, whatever block of the file it lies across", () => {
    const lines = Array.from({ length: 3000 }, (_, index) => `${index} ${"µ€𝄞".repeat(index % 30)}`);
    lines[1500] = `long ${"ß".repeat(100_000)}`;
    writeFileSync(join(folder, "a.log"), lines.map((line, index) => `${record(index, line)}\n`).join(""));
    expect(messages()).toEqual(lines);
    expect(messages({ lines: 3 })).toEqual(lines.slice(-3));
  });

  it("merges all files by time, and puts a line without a time where it was written", () => {
    writeFileSync(join(folder, "a.log"), `${record(1, "a1")}\nbare\n${record(5, "a5")}\n`);
    writeFileSync(join(folder, "b.log"), `${record(2, "b2")}\n${record(6, "b6")}\nlast words`);
    utimesSync(join(folder, "b.log"), 7, 7);
    expect(messages()).toEqual(["a1", "b2", "bare", "a5", "b6", "last words"]);
  });

  it("filters by name, request and least level before it counts", () => {
    const lines = [
      record(1, "one", { requestId: "r" }),
      record(2, "two", { level: "error" }),
      record(3, "three", { source: "t" }),
    ];
    writeFileSync(join(folder, "a.log"), `${lines.join("\n")}\n`);
    expect(messages({ requestId: "r", lines: 1 })).toEqual(["one"]);
    expect(messages({ level: "warn", lines: 1 })).toEqual(["two"]);
    expect(messages({ name: "s", lines: 1 })).toEqual(["two"]);
  });
});
