import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type FieldProblem, show } from "./metadata.ts";
import type { ProgramSpec } from "./plan.ts";

/** What a `<name>.service.json` holds, read and checked. */
export interface ProgramFile {
  name: string;
  dependencies: unknown;
  metadata: unknown;
  program: ProgramSpec;
}

const FIELDS: Record<string, { allowed: string; required?: true; fits(value: unknown): boolean }> = {
  name: {
    allowed: "a name of letters, digits, - and .",
    required: true,
    fits: (v) => typeof v === "string" && /^[\w.-]{1,80}$/.test(v),
  },
  command: { allowed: "the program to start", required: true, fits: (v) => typeof v === "string" && v !== "" },
  args: { allowed: "a list of texts", fits: (v) => Array.isArray(v) && v.every((one) => typeof one === "string") },
  cwd: { allowed: "a folder, seen from the file", fits: (v) => typeof v === "string" },
  env: {
    allowed: "an object of texts",
    fits: (v) => typeof v === "object" && v !== null && Object.values(v).every((one) => typeof one === "string"),
  },
  port: {
    allowed: "a port from 1 to 65535",
    fits: (v) => Number.isInteger(v) && (v as number) >= 1 && (v as number) <= 65535,
  },
  health: { allowed: "a path that begins with /", fits: (v) => typeof v === "string" && v.startsWith("/") },
  dependencies: { allowed: "a list of service names", fits: (v) => Array.isArray(v) },
  metadata: { allowed: "an object", fits: (v) => typeof v === "object" && v !== null },
};

/** Reads a program's description. Relative paths are seen from the file's folder. */
export function readProgramFile(file: string): { program: ProgramFile } | { problems: FieldProblem[] } {
  let content: Record<string, unknown>;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    return {
      problems: [{ field: "file", problem: `is no JSON: ${(error as Error).message}`, remedy: "mend the file" }],
    };
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    return { problems: [{ field: "file", problem: `is no object: ${show(content)}`, remedy: "mend the file" }] };
  }
  const problems: FieldProblem[] = [];
  for (const [field, rule] of Object.entries(FIELDS)) {
    const value = content[field];
    if (value === undefined) {
      if (rule.required) problems.push({ field, problem: "is missing", remedy: `must be ${rule.allowed}` });
    } else if (!rule.fits(value))
      problems.push({ field, problem: `is ${show(value)}`, remedy: `must be ${rule.allowed}` });
  }
  for (const field of Object.keys(content)) {
    if (!Object.hasOwn(FIELDS, field)) {
      problems.push({ field, problem: "is not known", remedy: `allowed are ${Object.keys(FIELDS).join(", ")}` });
    }
  }
  if (problems.length > 0) return { problems };
  const {
    name,
    command,
    args = [],
    cwd = ".",
    env = {},
    port,
    health,
    dependencies,
    metadata,
  } = content as {
    name: string;
    command: string;
    args?: string[];
    cwd?: string;
    env?: Record<string, string>;
    port?: number;
    health?: string;
    dependencies?: unknown;
    metadata?: unknown;
  };
  const program = {
    command,
    args,
    cwd: resolve(dirname(file), cwd),
    env,
    ...(port ? { port } : {}),
    ...(health ? { health } : {}),
  };
  return { program: { name, dependencies, metadata, program } };
}
