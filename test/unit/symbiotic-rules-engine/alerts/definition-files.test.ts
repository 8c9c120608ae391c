import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { DefinitionFiles } from "../../../../services/brain/symbiotic-rules-engine/alerts/definition-files.ts";
import { writeFiles } from "../../../support/write-files.ts";

const harmonyLow = (bound: number) => ({ id: "harmony-low", levels: [{ severity: "warning", bound }] });
const own = (id: string) => ({
  id,
  metric: "heart.shop.signups",
  bad: "below",
  levels: [{ severity: "info", bound: 5 }],
});

describe("files of alerts", () => {
  let root: string;
  let files: DefinitionFiles;
  let lines: string[];
  const write = (all: Record<string, unknown>) =>
    writeFiles(
      root,
      Object.fromEntries(
        Object.entries(all).map(([name, of]) => [`alerts/${name}`, typeof of === "string" ? of : JSON.stringify(of)]),
      ),
    );
  const bound = () => files.effective.find(({ id }) => id === "harmony-low")?.levels[0]?.bound;
  const faults = () => files.views.faults.map(({ file, alert, detail }) => `${file} ${alert}: ${detail.slice(0, 100)}`);

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "definition-files-"));
    lines = [];
    files = new DefinitionFiles({
      folder: join(root, "alerts"),
      own: () => ["heart.shop.signups"],
      logger: { warn: (text) => lines.push(text) },
    });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  test("need not be there: then what is built in holds", async () => {
    expect(await files.look()).toBe(false);
    expect(bound()).toBe(79);
    expect(files.views.alerts.every(({ origin, file, enabled }) => origin === "built-in" && !file && enabled)).toBe(
      true,
    );
  });

  test("change what is built in, and add to it, for as long as they are there", async () => {
    write({ "night.json": [harmonyLow(60), own("signups-low")] });
    expect(await files.look()).toBe(true);
    expect(bound()).toBe(60);
    expect(files.views.alerts.filter(({ file }) => file !== null)).toMatchObject([
      { id: "harmony-low", origin: "built-in", file: "alerts/night.json", metric: null },
      { id: "signups-low", origin: "file", file: "alerts/night.json", metric: "heart.shop.signups" },
    ]);
    expect(await files.look()).toBe(false);
    unlinkSync(join(root, "alerts/night.json"));
    expect(await files.look()).toBe(true);
    expect([bound(), files.views.alerts.some(({ file }) => file !== null)]).toEqual([79, false]);
  });

  test("that switch an alert off leave it to be seen", async () => {
    write({ "a.json": { id: "harmony-low", enabled: false } });
    await files.look();
    expect(bound()).toBeUndefined();
    expect(files.views.alerts.find(({ id }) => id === "harmony-low")).toMatchObject({ enabled: false });
  });

  test("with a fault go on as they were, stop no other, and are told once", async () => {
    write({ "a.json": harmonyLow(60), "b.json": own("b") });
    await files.look();
    write({ "a.json": harmonyLow(101), "b.json": '{"id": "b",', "c.json": own("c") });
    await files.look();
    expect(bound()).toBe(60);
    expect(files.effective.filter(({ metric }) => metric).map(({ id }) => id)).toEqual(["b", "c"]);
    expect(faults()).toEqual([
      "alerts/a.json harmony-low: levels[0].bound is 101, but must be a number from 0, and below 100",
      expect.stringMatching(/^alerts\/b.json : cannot be read: .*JSON/),
    ]);
    expect(files.faulty).toEqual(["alerts/a.json", "alerts/b.json"]);
    expect(lines).toEqual([
      expect.stringMatching(/^alerts: alerts\/a.json, harmony-low: levels\[0\].bound is 101/),
      expect.stringMatching(/^alerts: alerts\/b.json: cannot be read/),
    ]);
    write({ "d.json": own("d") });
    await files.look();
    expect(lines).toHaveLength(2);
  });

  test("of which two change one alert are told, and the later one holds", async () => {
    write({ "a.json": harmonyLow(60), "b.json": harmonyLow(50) });
    await files.look();
    expect(bound()).toBe(50);
    expect(faults()).toEqual([expect.stringMatching(/^alerts\/b.json harmony-low: stands in alerts\/a.json too/)]);
  });

  test("that are none, lead nowhere or never end are named, and hide no others", async () => {
    write({ "a.json": own("a"), "z.json": own("z"), "large.json": " ".repeat(256 * 1024 + 1) });
    mkdirSync(join(root, "alerts/folder.json"));
    execFileSync("mkfifo", [join(root, "alerts/pipe.json")]);
    symlinkSync("nowhere", join(root, "alerts/dangling.json"));
    symlinkSync("/dev/zero", join(root, "alerts/endless.json"));
    symlinkSync("self.json", join(root, "alerts/self.json"));
    await files.look();
    expect(files.effective.filter(({ metric }) => metric).map(({ id }) => id)).toEqual(["a", "z"]);
    expect(files.faulty).toEqual(
      ["dangling", "endless", "folder", "large", "pipe", "self"].map((name) => `alerts/${name}.json`),
    );
  });

  test("are so many that nobody reads them: what holds goes on, and one line says so", async () => {
    write({ "a.json": harmonyLow(60) });
    await files.look();
    execFileSync("sh", ["-c", "seq 10001 | xargs touch"], { cwd: join(root, "alerts") });
    await files.look();
    expect([bound(), faults()]).toEqual([60, ["alerts : cannot be read: it has more than 10000 entries"]]);
    expect(await files.look()).toBe(false);
    expect(lines).toHaveLength(1);
    // So many files take their time on a busy disk.
  }, 60_000);

  test("with very many faults are told in few lines", async () => {
    write(
      Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`${i}.json`, Array.from({ length: 150 }, () => 7)])),
    );
    await files.look();
    expect(files.views.faults).toHaveLength(201);
    expect(files.views.faults.at(-1)).toEqual({ alert: "", path: "", detail: "there are 7300 more faults" });
    expect(lines.length).toBeLessThan(25);
  });
});
