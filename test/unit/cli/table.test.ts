import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { LaunchView } from "../../../cli/launch-view.ts";
import { bytes, duration, table } from "../../../cli/table.ts";

const lines = (text: string) => stripVTControlCharacters(text).split("\n");

describe("a table", () => {
  test("aligns its columns, and does not count colours", () => {
    const rows = [
      ["\x1b[32mheart-1\x1b[0m", "7"],
      ["b", "1234"],
    ];
    expect(lines(table([{ title: "node" }, { title: "calls", align: "right" }], rows))).toEqual([
      "node     calls",
      "heart-1      7",
      "b         1234",
    ]);
  });

  test("is no wider than the terminal where one column gives way", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string({ maxLength: 20 }), fc.string({ maxLength: 200 })), { maxLength: 5 }),
        (rows) => {
          const clean = rows.map((row) => row.map((cell) => cell.replace(/[^ -~]/g, "x")));
          const text = table([{ title: "a" }, { title: "why", flexible: true }], clean, 60);
          for (const line of lines(text)) expect([...line].length).toBeLessThanOrEqual(60);
        },
      ),
    );
  });

  test("marks what it cut off", () => {
    expect(lines(table([{ title: "why", flexible: true }], [["a very long reason indeed"]], 12))[1]).toBe(
      "a very long…",
    );
  });

  test("tells sizes and times as people do", () => {
    expect([bytes(0), bytes(100 * 1024 * 1024)]).toEqual(["-", "100 MB"]);
    expect([5, 61, 3700, 90_000].map(duration)).toEqual(["5 s", "1 min", "1 h 1 min", "1 d 1 h"]);
  });
});

describe("a launch", () => {
  const service = (name: string, status: string, why = "") => ({ name, status, why, startedAt: 0 });
  const progress = (phase: number, started: number, ...services: ReturnType<typeof service>[]) => ({
    phase,
    started,
    total: 5,
    done: false,
    services,
  });

  test("is told in plain lines where there is no terminal: each phase and each trouble once", () => {
    const out: string[] = [];
    const view = new LaunchView(false, (text) => out.push(text));
    const trouble = (seconds: string) =>
      service("vault", "unhealthy", `no disk; next attempt in ${seconds} s (attempt 1 failed)`);
    view.show(progress(0, 1, service("ledger", "starting"), trouble("1.0")));
    view.show(progress(0, 2, trouble("0.5")));
    view.show(progress(1, 3, service("ledger", "waiting")));
    view.end();
    expect(out).toEqual([
      "phase 0: 1 of 5 services started\n",
      "vault is unhealthy: no disk; next attempt (attempt 1 failed)\n",
      "phase 1: 3 of 5 services started\n",
    ]);
  });

  test("is a picture on a terminal, that takes itself away line by line", () => {
    const out: string[] = [];
    const view = new LaunchView(true, (text) => out.push(text));
    view.show(progress(2, 3, service("till", "waiting", "waiting for shop"), service("vault", "unhealthy", "no disk")));
    const first = stripVTControlCharacters(out[0]!).split("\n");
    expect(first[0]).toMatch(/^phase 2 {2}█{17}░{11} {2}3 of 5/);
    expect(first.slice(1, 3)).toEqual(["  vault is unhealthy: no disk", "  till is waiting for shop"]);
    view.show(progress(3, 5));
    expect(out[1]).toBe("\x1b[3A\x1b[0J");
    view.end();
    expect(out.at(-1)).toBe("\x1b[1A\x1b[0J");
  });

  test("shows eight troubles and counts the others", () => {
    const out: string[] = [];
    const many = Array.from({ length: 11 }, (_, i) => service(`s${i}`, "waiting"));
    new LaunchView(true, (text) => out.push(text)).show(progress(0, 0, ...many));
    expect(stripVTControlCharacters(out[0]!).trim().split("\n").at(-1)!.trim()).toBe("and 3 more");
  });
});
