import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { replaceFile } from "../../../runtime/durable-file.ts";

describe("a file that is replaced", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "azora-durable-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("has the new content, its mode, and leaves nothing beside it", () => {
    const path = join(folder, "new", "a.json");
    replaceFile(path, "old");
    replaceFile(path, "größer");
    expect(readFileSync(path, "utf8")).toBe("größer");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, "new"))).toEqual(["a.json"]);
  });

  test("keeps the old content, whole, where the disk takes only a part of the new one", () => {
    const path = join(folder, "a.json");
    replaceFile(path, "the old content");
    const module = resolve(import.meta.dirname, "../../../runtime/durable-file.ts");
    const code = `import { replaceFile } from ${JSON.stringify(module)}; replaceFile(${JSON.stringify(path)}, "x".repeat(5000))`;
    // A limit of 1 KiB for a file behaves as a full disk does: the first write takes a part, the next one fails.
    const { status, stderr } = spawnSync("sh", [
      "-c",
      'ulimit -f 1; exec "$0" --input-type=module -e "$1"',
      process.execPath,
      code,
    ]);
    expect(String(stderr)).toContain("EFBIG");
    expect(status).not.toBe(0);
    expect(readFileSync(path, "utf8")).toBe("the old content");
    expect(readdirSync(folder)).toEqual(["a.json"]);
  });
});
