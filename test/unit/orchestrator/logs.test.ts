import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { readLogs } from "../../../services/nervous/master-orchestrator/api/log-reader.ts";
import { LogRotation } from "../../../services/nervous/master-orchestrator/log-rotation.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "azora-logs-"));
  mkdirSync(join(folder, "orchestrator"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const time = (second: number) => new Date(second * 1000).toISOString();
const line = (second: number, change: object = {}) =>
  `${JSON.stringify({ time: time(second), level: "info", node: "heart-1", source: "ledger", message: `m${second}`, ...change })}\n`;
const put = (file: string, text: string) => writeFileSync(join(folder, file), text);
const messages = (query: object) => readLogs(folder, { lines: 100, ...query }).map(({ message }) => message);

describe("the log's newest lines", () => {
  test("of all files come in the order of time", () => {
    put("heart-1.log", line(1) + line(3));
    put("heart-2.log", line(2) + line(4));
    expect(messages({})).toEqual(["m1", "m2", "m3", "m4"]);
    expect(messages({ lines: 3 })).toEqual(["m2", "m3", "m4"]);
  });

  test("are those of a node, a service, a request or a level", () => {
    put(
      "heart-1.log",
      line(1, { requestId: "r-1" }) + line(2, { source: "vault", level: "error" }) + line(3, { level: "warn" }),
    );
    put("lungs-1.log", line(4, { node: "lungs-1", source: "door" }));
    expect(messages({ name: "vault" })).toEqual(["m2"]);
    expect(messages({ name: "lungs-1" })).toEqual(["m4"]);
    expect(messages({ requestId: "r-1" })).toEqual(["m1"]);
    expect(messages({ level: "warn" })).toEqual(["m2", "m3"]);
    expect(messages({ name: "nobody" })).toEqual([]);
  });

  test("hold what is no record of ours as it is", () => {
    put("tool.log", `hello\n${line(1)}{"time": broken\n`);
    expect(messages({})).toContain("hello");
    expect(messages({})).toContain('{"time": broken');
    expect(messages({ name: "tool" })).toHaveLength(3);
  });

  test("are read whole across the borders of the blocks, whatever their lengths", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 60_000, max: 70_000 }), fc.constant(150_000)),
          { minLength: 1, maxLength: 12 },
        ),
        fc.integer({ min: 1, max: 12 }),
        (lengths, lines) => {
          const texts = lengths.map((length, i) => `${i}ü${"x".repeat(length)}`);
          put("heart-1.log", `${texts.join("\n")}\n`);
          expect(messages({ lines })).toEqual(texts.slice(-lines));
        },
      ),
      { numRuns: 40 },
    );
  });

  test("are none where there is no folder", () => {
    expect(readLogs(join(folder, "nowhere"), { lines: 5 })).toEqual([]);
  });
});

describe("rotation", () => {
  const contents = () =>
    Object.fromEntries(
      readdirSync(folder)
        .filter((name) => name.startsWith("x.log"))
        .map((name) => [name, readFileSync(join(folder, name), "utf8")]),
    );

  test("keeps the writer's file open, and three old ones", () => {
    const path = join(folder, "x.log");
    const fd = openSync(path, "a");
    const rotation = new LogRotation(folder);
    for (const text of ["one", "two", "three", "four", "five"]) {
      writeSync(fd, text);
      rotation.rotate(2);
    }
    writeSync(fd, "new");
    closeSync(fd);
    expect(contents()).toEqual({ "x.log": "new", "x.log.1": "five", "x.log.2": "four", "x.log.3": "three" });
  });

  test("leaves a file alone that is not too large, and what is no log", () => {
    put("x.log", "small");
    put("notes.txt", "long enough");
    new LogRotation(folder).rotate(5);
    expect([contents(), readdirSync(folder).length]).toEqual([{ "x.log": "small" }, 3]);
  });

  test("survives a log that has gone in this moment, and rotates the rest", () => {
    symlinkSync(join(folder, "gone"), join(folder, "a.log"));
    put("x.log", "large");
    expect(() => new LogRotation(folder).rotate(2)).not.toThrow();
    expect(contents()["x.log.1"]).toBe("large");
  });

  test("leaves all as it is on a full disk, however often it tries", () => {
    put("x.log.1", "first");
    put("x.log.2", "second");
    put("x.log", "");
    for (let i = 0; i < 5; i++) appendFileSync(join(folder, "x.log"), "y".repeat(1000));
    const module = resolve(import.meta.dirname, "../../../services/nervous/master-orchestrator/log-rotation.ts");
    const code = `import { LogRotation } from ${JSON.stringify(module)}; const r = new LogRotation(${JSON.stringify(folder)}); for (let i = 0; i < 4; i++) r.rotate(2)`;
    const { status, stderr } = spawnSync("sh", [
      "-c",
      'ulimit -f 2; exec "$0" --input-type=module -e "$1"',
      process.execPath,
      code,
    ]);
    expect([status, String(stderr)]).toEqual([0, ""]);
    expect(contents()).toEqual({ "x.log": "y".repeat(5000), "x.log.1": "first", "x.log.2": "second" });
  });
});
