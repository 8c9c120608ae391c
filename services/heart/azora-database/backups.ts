import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { AzoraError } from "../../../runtime/errors.ts";
import { runTask } from "./database-tasks.ts";

export interface Backup {
  name: string;
  folder: string;
  files: { service: string; bytes: number }[];
  createdAt: string;
}

const UNFINISHED = /^\.unfinished-/;
const ABANDONED_AFTER = 24 * 3600_000;

/**
 * Copies every file into `<folder>/<name>`, which appears when all are complete. Each copy is of one state of its file;
 * two files may be copied a moment apart.
 * @throws AzoraError CONFLICT when there is a backup of this name, STORE_UNAVAILABLE when a file cannot be copied
 */
export async function makeBackup(folder: string, name: string, files: readonly string[], now: number): Promise<Backup> {
  const target = join(folder, name);
  const unfinished = join(folder, `.unfinished-${process.pid}-${name}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  removeAbandoned(folder, now);
  if (listBackups(folder).some((backup) => backup.name === name)) throw taken(name);
  try {
    mkdirSync(unfinished, { mode: 0o700 });
  } catch (error) {
    throw (error as { code?: string }).code === "EEXIST" ? taken(name) : error;
  }
  try {
    const copies = files.map((file): [string, string] => [file, join(unfinished, basename(file))]);
    for (const outcome of await runTask("copy", copies)) if ("error" in outcome) throw outcome.error;
    renameSync(unfinished, target);
    syncFolder(folder);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    throw ["ENOTEMPTY", "EEXIST"].includes((error as { code?: string }).code ?? "") ? taken(name) : error;
  }
  return describe(folder, name);
}

/** The finished backups, newest first. */
export function listBackups(folder: string): Backup[] {
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => !UNFINISHED.test(name));
  } catch {
    return [];
  }
  return names.map((name) => describe(folder, name)).sort((a, b) => b.createdAt.localeCompare(a.createdAt));
}

function describe(folder: string, name: string): Backup {
  const path = join(folder, name);
  const files = readdirSync(path).map((file) => ({
    service: basename(file, ".sqlite"),
    bytes: statSync(join(path, file)).size,
  }));
  return { name, folder: path, files, createdAt: statSync(path).mtime.toISOString() };
}

/** What a killed process left half-copied. */
function removeAbandoned(folder: string, now: number): void {
  for (const name of readdirSync(folder).filter((each) => UNFINISHED.test(each))) {
    const path = join(folder, name);
    if (now - statSync(path).mtimeMs > ABANDONED_AFTER) rmSync(path, { recursive: true, force: true });
  }
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  fsyncSync(handle);
  closeSync(handle);
}

const taken = (name: string) =>
  new AzoraError("CONFLICT", `There is a backup "${name}" already; choose another name`, { name });
