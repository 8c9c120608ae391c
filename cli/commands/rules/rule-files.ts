import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { rulesIn } from "../../../runtime/rules/rule-test/read-rule-test.ts";
import { CommandError, UsageError } from "../../command.ts";

const TEST = ".test.json";

/** Files that are named, and in folders those that end so; sorted. */
function filesAt(paths: readonly string[], isMeant: (name: string) => boolean): string[] {
  return paths.flatMap((path) => {
    const full = resolve(path);
    if (!existsSync(full)) throw new UsageError(`there is nothing at ${full}`);
    if (!statSync(full).isDirectory()) return [full];
    return readdirSync(full)
      .filter(isMeant)
      .sort()
      .map((name) => join(full, name));
  });
}

export function testFiles(paths: readonly string[]): string[] {
  return filesAt(paths, (name) => name.endsWith(TEST));
}

/** All rules of files and folders, unchecked. */
export function readRules(paths: readonly string[]): unknown[] {
  return filesAt(paths, (name) => name.endsWith(".json") && !name.endsWith(TEST)).flatMap((path) => {
    try {
      return rulesIn(JSON.parse(readFileSync(path, "utf8")));
    } catch (error) {
      throw new CommandError(`${path} cannot be read: ${(error as Error).message}`);
    }
  });
}
