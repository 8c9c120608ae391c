import { lstat, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { CompleteRule, RuleFault, RuleOrigin } from "../../../../models/symbiosis.ts";
import type { CheckedRules } from "../../../../runtime/rules/check-rules.ts";

export interface RuleFolder {
  path: string;
  origin: Exclude<RuleOrigin, "api">;
  /** As it is shown before the file's name: `rules`. */
  shown: string;
  /** All of its rules only say what they would do. */
  mode?: "shadow";
}

/** A rule that stands in a file. */
export interface FileRule {
  rule: CompleteRule;
  origin: Exclude<RuleOrigin, "api">;
  /** As `rules/lunch.json`. */
  file: string;
}

/** What is wrong with a file, or with a rule in it. */
export interface FileFault extends RuleFault {
  file: string;
}

type Check = (input: unknown) => CheckedRules;

interface Known {
  stamp: string;
  rules: Map<string, CompleteRule>;
  faults: FileFault[];
}

const MOST_FILES = 500;
const LARGEST = 4 * 2 ** 20;

/**
 * Rules in the folders' `*.json` files: one rule, a list of them, or `{ rules: [...] }`; `*.test.json` are their tests. A
 * file is read again when it has changed. What a fault is in keeps running as it was when it had none, so that a slip of
 * the pen never stops a rule that works.
 */
export class RuleFiles {
  readonly #folders: readonly RuleFolder[];
  readonly #check: Check;
  #files = new Map<string, Known & { folder: RuleFolder; shown: string }>();
  #folderFaults: FileFault[] = [];

  constructor(folders: readonly RuleFolder[], check: Check) {
    this.#folders = folders;
    this.#check = check;
  }

  /** Files of folders that are named first come last, and so win. */
  get rules(): FileRule[] {
    const seen = new Map<string, FileRule>();
    for (const folder of this.#folders) {
      for (const { folder: of, shown, rules } of this.#files.values()) {
        if (of !== folder) continue;
        for (const [id, rule] of rules) {
          const inMode = folder.mode ? { ...rule, mode: folder.mode } : rule;
          seen.set(id, { rule: inMode, origin: folder.origin, file: shown });
        }
      }
    }
    return [...seen.values()];
  }

  get faults(): FileFault[] {
    const twice = this.#twice();
    return [...this.#folderFaults, ...[...this.#files.values()].flatMap(({ faults }) => faults), ...twice];
  }

  /** Reads what has changed. True where anything has. */
  async read(): Promise<boolean> {
    const found = new Map<string, { folder: RuleFolder; shown: string; stamp: string }>();
    const folderFaults: FileFault[] = [];
    for (const folder of this.#folders) {
      try {
        const names = (await readdir(folder.path)).filter(isRuleFile).sort();
        if (names.length > MOST_FILES) {
          folderFaults.push(fault(folder.shown, `has ${names.length} rule files; the first ${MOST_FILES} are read`));
        }
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

  async #readFile(path: string, shown: string, stamp: string, before: Known | undefined): Promise<Known> {
    const kept = before?.rules ?? new Map<string, CompleteRule>();
    try {
      const about = await stat(path);
      // A pipe would never end, and nor would some devices.
      if (!about.isFile()) throw new Error("it is no file");
      if (about.size > LARGEST) throw new Error(`it has ${about.size} bytes; at most ${LARGEST} are read`);
      const text = await readFile(path, "utf8");
      const { rules, faults } = this.#check(JSON.parse(text.replace(BYTE_ORDER_MARK, "")));
      const now = new Map(rules.map((rule) => [rule.id, rule]));
      for (const { rule: id } of faults) {
        const old = kept.get(id);
        if (old && !now.has(id)) now.set(id, old);
      }
      return { stamp, rules: now, faults: faults.map((one) => ({ ...one, file: shown })) };
    } catch (error) {
      const { message } = error as Error;
      return { stamp, rules: kept, faults: [fault(shown, `cannot be read: ${message}`)] };
    }
  }

  /** Rules of one id in two files of one folder. */
  #twice(): FileFault[] {
    const first = new Map<string, string>();
    return [...this.#files.values()].flatMap(({ folder, shown, rules }) =>
      [...rules.keys()].flatMap((id) => {
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

const isRuleFile = (name: string) => name.endsWith(".json") && !name.endsWith(".test.json") && !name.startsWith(".");

function fault(file: string, detail: string): FileFault {
  return { file, rule: "", path: "", detail };
}
