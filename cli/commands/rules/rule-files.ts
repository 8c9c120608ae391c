import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { rulesIn } from "../../../runtime/rules/rule-test/read-rule-test.ts";
import { CommandError, UsageError } from "../../command.ts";

const TEST = ".test.json";

/** Files that are named, and in folders, with those in them, all tests. */
export function testFiles(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const full = existing(path);
    if (!statSync(full).isDirectory()) return [full];
    const names = readdirSync(full, { recursive: true, encoding: "utf8" });
    return names
      .filter((name) => name.endsWith(TEST))
      .sort()
      .map((name) => join(full, name));
  });
}

/** As the engine reads a folder: what is in it, and no tests. */
function ruleFiles(path: string): string[] {
  const full = existing(path);
  if (!statSync(full).isDirectory()) return [full];
  const names = readdirSync(full).filter((name) => name.endsWith(".json") && !name.endsWith(TEST));
  return names.sort().map((name) => join(full, name));
}

function existing(path: string): string {
  const full = resolve(path);
  if (!existsSync(full)) throw new UsageError(`there is nothing at ${full}`);
  return full;
}

/** All rules of files and folders, unchecked. */
export function readRules(paths: readonly string[]): unknown[] {
  return paths.flatMap(ruleFiles).flatMap((path) => {
    try {
      return rulesIn(JSON.parse(readFileSync(path, "utf8")));
    } catch (error) {
      throw new CommandError(`${path} cannot be read: ${(error as Error).message}`);
    }
  });
}
