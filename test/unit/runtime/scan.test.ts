import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { locateProject, organOfPath, scanFolder } from "../../../runtime/discovery/scan.ts";

describe("a scan", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "azora-scan-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const put = (...paths: string[]) => {
    for (const path of paths) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), "");
    }
  };
  const scanned = () => {
    const { services, programs } = scanFolder(folder);
    return [...services, ...programs].map((path) => relative(folder, path));
  };

  test("finds services and programs at every depth, sorted", () => {
    put(
      "b.service.ts",
      "heart/a/a.service.js",
      "c.service.cjs",
      "d.service.mjs",
      "tool.service.json",
      "readme.md",
      "x.ts",
    );
    expect(scanned()).toEqual([
      "b.service.ts",
      "c.service.cjs",
      "d.service.mjs",
      "heart/a/a.service.js",
      "tool.service.json",
    ]);
  });

  test("leaves out packages, tests and hidden folders", () => {
    put(
      "node_modules/p/a.service.js",
      "test/a.service.ts",
      "__tests__/a.service.ts",
      ".old/a.service.ts",
      "a.service.d.ts",
    );
    expect(scanned()).toEqual([]);
  });

  test("means the source where a compiled file stands beside it", () => {
    put("a.service.ts", "a.service.js", "b.service.js");
    expect(scanned()).toEqual(["a.service.ts", "b.service.js"]);
  });

  test("follows a link to a folder, and does not run in circles", () => {
    put("shared/a.service.ts", "heart/b.service.ts");
    symlinkSync(folder, join(folder, "heart", "up"));
    symlinkSync(join(folder, "nowhere"), join(folder, "broken"));
    expect(scanned()).toEqual(["heart/b.service.ts", "shared/a.service.ts"]);
    const outside = mkdtempSync(join(tmpdir(), "azora-scan-"));
    writeFileSync(join(outside, "c.service.ts"), "");
    symlinkSync(outside, join(folder, "linked"));
    expect(scanned()).toContain("linked/c.service.ts");
    rmSync(outside, { recursive: true });
  });

  test("takes the first folder of the path as the organ, if it is one", () => {
    expect(organOfPath("/s", "/s/heart/a/a.service.ts")).toBe("heart");
    expect(organOfPath("/s", "/s/misc/heart/a.service.ts")).toBeUndefined();
  });

  test("of a project looks into its services folder, and keeps its configuration", () => {
    put("package.json", "services/a.service.ts", "moleculer.config.js");
    expect(locateProject(folder, "/")).toEqual({
      root: folder,
      services: join(folder, "services"),
      foreign: true,
      config: join(folder, "moleculer.config.js"),
    });
    expect(locateProject(join(folder, "services"), "/")).toMatchObject({
      root: folder,
      services: join(folder, "services"),
    });
  });

  test("refuses a folder that is none", () => {
    put("file");
    expect(locateProject(join(folder, "nowhere"), "/")).toEqual({
      refusal: expect.stringContaining("There is no folder"),
    });
    expect(locateProject(join(folder, "file"), "/")).toEqual({ refusal: expect.stringContaining("is a file") });
  });
});
