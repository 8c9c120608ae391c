import { existsSync, readFileSync } from "node:fs";
import { MalformedKey, parseVkey } from "../../../tlog/keys.ts";
import { UsageError } from "../../command.ts";

/** The vkeys of an option: one, or those of a file. */
export function keysOf(option: string, value: string | boolean | undefined): string[] | undefined {
  if (typeof value !== "string") return undefined;
  const isFile = existsSync(value);
  const keys = isFile ? readFileSync(value, "utf8").split("\n").filter(Boolean) : [value];
  try {
    if (keys.length === 0) throw new MalformedKey("it is empty");
    for (const key of keys) parseVkey(key);
    return keys;
  } catch (error) {
    if (!(error instanceof MalformedKey)) throw error;
    throw new UsageError(
      `--${option} ${isFile ? `names the file ${value}, but ` : "must be a vkey or a file: "}${error.message}`,
    );
  }
}
