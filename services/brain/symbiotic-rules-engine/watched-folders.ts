import { lstat, opendir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { RuleFault } from "../../../models/rules.ts";

/** A folder whose `*.json` files hold definitions. */
export interface WatchedFolder {
  path: string;
  /** As it is shown before the file's name: `rules`. */
  shown: string;
}

/** A definition that stands in a file. */
export interface Found<T, F> {
  one: T;
  folder: F;
  /** As `rules/lunch.json`. */
  file: string;
}

/** What is wrong with a file, or with a definition in it. */
export interface FileFault extends RuleFault {
  file: string;
}

/** What is right in a file, and what is wrong. Never throws. */
type Check<T> = (input: unknown) => { found: readonly T[]; faults: readonly RuleFault[] };

interface Known<T> {
  stamp: string;
  found: Map<string, T>;
  faults: FileFault[];
}

const MOST_FILES = 500;
/** Of any name: a folder is listed every few seconds. */
const MOST_ENTRIES = 10_000;

/**
 * Definitions in the folders' `*.json` files; `*.test.json` are tests of them. A file is read again when it has changed. What a
 * fault is in keeps running as it was when it had none, so that a slip of the pen never stops what works.
 */
export class WatchedFolders<T extends { id: string }, F extends WatchedFolder = WatchedFolder> {
  readonly #folders: readonly F[];
  readonly #check: Check<T>;
  readonly #largest: number;
  #files = new Map<string, Known<T> & { folder: F; shown: string }>();
  #folderFaults: FileFault[] = [];

  /** @param largest bytes that a file may have */
  constructor(folders: readonly F[], check: Check<T>, largest: number) {
    this.#folders = folders;
    this.#check = check;
    this.#largest = largest;
  }

  /** Files of folders that are named first come last, and so win. */
  get found(): Found<T, F>[] {
    const seen = new Map<string, Found<T, F>>();
    for (const folder of this.#folders)
      for (const { folder: of, shown, found } of this.#files.values())
        if (of === folder) for (const [id, one] of found) seen.set(id, { one, folder, file: shown });
    return [...seen.values()];
  }

  get faults(): FileFault[] {
    const twice = this.#twice();
    return [...this.#folderFaults, ...[...this.#files.values()].flatMap(({ faults }) => faults), ...twice];
  }

  /** Reads what has changed. True where anything has. */
  async read(): Promise<boolean> {
    const found = new Map<string, { folder: F; shown: string; stamp: string }>();
    const folderFaults: FileFault[] = [];
    for (const folder of this.#folders) {
      try {
        const names = await namesIn(folder.path);
        if (names.length > MOST_FILES)
          folderFaults.push(fault(folder.shown, `has ${names.length} files; the first ${MOST_FILES} are read`));
        for (const name of names.slice(0, MOST_FILES)) {
          const path = join(folder.path, name);
          const stamp = await stampOf(path);
          if (stamp !== undefined) found.set(path, { folder, shown: `${folder.shown}/${name}`, stamp });
        }
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        if (code === "ENOENT") continue;
        folderFaults.push(fault(folder.shown, `cannot be read: ${message}`));
        for (const [path, known] of this.#files) if (known.folder === folder) found.set(path, known);
      }
    }
    const before = this.#files;
    const isLess = [...before.keys()].some((path) => !found.has(path));
    const changed = [...found].filter(([path, { stamp }]) => before.get(path)?.stamp !== stamp);
    const isOther = JSON.stringify(folderFaults) !== JSON.stringify(this.#folderFaults);
    if (!isLess && changed.length === 0 && !isOther) return false;
    const files: typeof before = new Map();
    for (const [path, { folder, shown, stamp }] of found) {
      const known = before.get(path);
      const isSame = known?.stamp === stamp;
      files.set(path, isSame ? known : { folder, shown, ...(await this.#readFile(path, shown, stamp, known)) });
    }
    this.#files = files;
    this.#folderFaults = folderFaults;
    return true;
  }

  async #readFile(path: string, shown: string, stamp: string, before: Known<T> | undefined): Promise<Known<T>> {
    const kept = before?.found ?? new Map<string, T>();
    try {
      const about = await stat(path);
      // A pipe would never end, and nor would some devices.
      if (!about.isFile()) throw new Error("it is no file");
      if (about.size > this.#largest) throw new Error(`it has ${about.size} bytes; at most ${this.#largest} are read`);
      const text = await readFile(path, "utf8");
      const { found, faults } = this.#check(JSON.parse(text.replace(BYTE_ORDER_MARK, "")));
      const now = new Map(found.map((one) => [one.id, one]));
      for (const { rule: id } of faults) {
        const old = kept.get(id);
        if (old && !now.has(id)) now.set(id, old);
      }
      return { stamp, found: now, faults: faults.map((one) => ({ ...one, file: shown })) };
    } catch (error) {
      const { message } = error as Error;
      return { stamp, found: kept, faults: [fault(shown, `cannot be read: ${message}`)] };
    }
  }

  /** Definitions of one id in two files of one folder. */
  #twice(): FileFault[] {
    const first = new Map<string, string>();
    return [...this.#files.values()].flatMap(({ folder, shown, found }) =>
      [...found.keys()].flatMap((id) => {
        const key = `${folder.path}\n${id}`;
        const other = first.get(key);
        if (other === undefined) first.set(key, shown);
        return other === undefined
          ? []
          : [{ file: shown, rule: id, path: "id", detail: `stands in ${other} too; the one in ${shown} holds` }];
      }),
    );
  }
}

/** Editors of some systems write it. */
const BYTE_ORDER_MARK = /^\uFEFF/;

/** In their order; a folder that is full of other things is not gone through to its end. */
async function namesIn(path: string): Promise<string[]> {
  const names: string[] = [];
  let entries = 0;
  for await (const { name } of await opendir(path, { bufferSize: 512 })) {
    if (++entries > MOST_ENTRIES) throw new Error(`it has more than ${MOST_ENTRIES} entries`);
    if (isDefinitionFile(name)) names.push(name);
  }
  return names.sort();
}

/** Another one when the file may be another one; undefined where it has gone since it was listed. */
async function stampOf(path: string): Promise<string | undefined> {
  try {
    const { mtimeMs, ctimeMs, size, ino } = await stat(path);
    return `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT") return `${code}`;
    // A link that leads nowhere is listed and will be told; a file that has gone is not.
    return (await lstat(path).catch(() => undefined)) && "ENOENT";
  }
}

const isDefinitionFile = (name: string) =>
  name.endsWith(".json") && !name.endsWith(".test.json") && !name.startsWith(".");

function fault(file: string, detail: string): FileFault {
  return { file, rule: "", path: "", detail };
}
