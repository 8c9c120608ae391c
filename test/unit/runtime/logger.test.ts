import { closeSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { ServiceBroker } from "moleculer";
import { openLog } from "../../../runtime/log-file.ts";
import { droppedLines, JsonLogger, type Level, type LogRecord, type LogTarget } from "../../../runtime/logger.ts";
import { withRequestId } from "../../../runtime/request-scope.ts";

describe("a log", () => {
  let folder: string;
  let path: string;
  let fd: number;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "azora-log-"));
    path = join(folder, "logs", "heart-1.log");
    fd = openLog(path);
  });
  afterEach(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });

  const logger = (level: Level = "info", targets: LogTarget[] = [{ fd }], service = "ledger") => {
    const made = new JsonLogger(level, targets);
    const broker = new ServiceBroker({ nodeID: "heart-1", logger: made as never, skipProcessEventRegistration: true });
    return broker.getLogger("svc", { svc: service } as never);
  };
  const lines = (file = path): LogRecord[] =>
    readFileSync(file, "utf8")
      .trim()
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line))
      .filter(({ source }) => source === "ledger");

  test("has one JSON object a line, with time, level, node and source", () => {
    logger().info("two\nlines of %s", "text");
    expect(lines()).toEqual([
      {
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        level: "info",
        node: "heart-1",
        source: "ledger",
        message: "two\nlines of text",
      },
    ]);
  });

  test("tells an error with its type, code and stack", () => {
    logger().error("failed", Object.assign(new TypeError("boom"), { type: "BROKEN", code: 500 }));
    expect(lines()).toMatchObject([
      {
        message: "failed",
        error: {
          name: "TypeError",
          message: "boom",
          type: "BROKEN",
          code: 500,
          stack: expect.stringContaining("boom"),
        },
      },
    ]);
  });

  test("takes an error's message where nothing else is said", () => {
    logger().error(new Error("boom"));
    expect(lines()[0]!.message).toBe("boom");
  });

  test("keeps plain objects as fields, and prints others into the message", () => {
    logger().warn("seen", { a: 1 }, { b: [2] }, new Map([["x", 1]]));
    expect(lines()[0]).toMatchObject({ fields: { a: 1, b: [2] }, message: "seen Map(1) { 'x' => 1 }" });
  });

  test("carries the id of the request that is being worked for", () => {
    const log = logger();
    withRequestId("r-1", () => log.info("inside"));
    log.info("outside");
    log.info("told", { requestId: "r-2" });
    expect(lines().map(({ requestId }) => requestId)).toEqual(["r-1", undefined, "r-2"]);
  });

  test("holds nothing below its level", () => {
    const log = logger("warn");
    log.info("no");
    log.debug("no");
    log.warn("yes");
    expect(lines().map(({ message }) => message)).toEqual(["yes"]);
  });

  test("gives a target only its own source and level", () => {
    const [other, errors] = [join(folder, "other.log"), join(folder, "errors.log")];
    const [otherFd, errorsFd] = [openLog(other), openLog(errors)];
    const log = logger("info", [{ fd }, { fd: otherFd, source: "vault" }, { fd: errorsFd, atLeast: "error" }]);
    log.info("said");
    log.error("failed");
    closeSync(otherFd);
    closeSync(errorsFd);
    expect(lines()).toHaveLength(2);
    expect(lines(other)).toEqual([]);
    expect(lines(errors).map(({ message }) => message)).toEqual(["failed"]);
  });

  const cyclic: Record<string, unknown> = {};
  cyclic["self"] = cyclic;
  test.each<[string, unknown]>([
    ["cyclic fields", cyclic],
    ["a big integer in its fields", { n: 1n }],
    ["an error whose code is cyclic", Object.assign(new Error("x"), { code: cyclic })],
    ["an error whose type is a big integer", Object.assign(new Error("x"), { type: 5n })],
    [
      "fields with a throwing getter",
      Object.defineProperty({}, "bad", {
        enumerable: true,
        get: () => {
          throw new Error("no");
        },
      }),
    ],
    [
      "an object that cannot be printed",
      new (class {
        [Symbol.for("nodejs.util.inspect.custom")]() {
          throw new Error("no");
        }
      })(),
    ],
    ["a symbol", Symbol("s")],
  ])("survives %s, and still says the rest", (_what, odd) => {
    const before = droppedLines.count;
    expect(() => logger().info("said", odd)).not.toThrow();
    expect(lines()).toHaveLength(1);
    expect(lines()[0]!.message).toContain("said");
    expect(droppedLines.count).toBe(before);
  });

  test("does not throw on a full disk; it counts what it drops", () => {
    const full = openLog("/dev/full");
    const before = droppedLines.count;
    expect(() => logger("info", [{ fd: full }]).info("lost")).not.toThrow();
    closeSync(full);
    expect(droppedLines.count).toBeGreaterThan(before);
  });

  test("may be read by its group, not by all", () => {
    expect(statSync(path).mode & 0o007).toBe(0);
  });
});
