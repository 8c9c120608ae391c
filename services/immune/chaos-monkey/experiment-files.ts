import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { AzoraError } from "../../../runtime/errors.ts";
import type { FieldError } from "../../../runtime/field-errors.ts";
import { nearest } from "../../../runtime/nearest.ts";
import { type Experiment, readExperiment } from "./experiment.ts";
import { isObject } from "./field-check.ts";
import { readSuite, type Suite } from "./suite.ts";

export interface FileProblem {
  file: string;
  errors: FieldError[];
}

export interface Library {
  experiments: Map<string, Experiment>;
  suites: Map<string, Suite>;
  /** Files that cannot be used, and why. */
  problems: FileProblem[];
}

const MAX_FILE_BYTES = 256 * 1024;

/**
 * Reads every `*.json` of the folders; what has `experiments` is a suite. A name in a later folder takes the place of
 * the same one in an earlier folder.
 */
export function readLibrary(folders: readonly string[]): Library {
  const library: Library = { experiments: new Map(), suites: new Map(), problems: [] };
  const read = folders.flatMap(jsonFiles).map((file) => ({ file, ...parse(file) }));
  for (const { file, error } of read)
    if (error) library.problems.push({ file, errors: [{ field: "", allowed: `a file of JSON: ${error}` }] });
  const isSuite = (given: unknown) => isObject(given) && Object.hasOwn(given, "experiments");
  for (const { file, given, error } of read) {
    if (error || isSuite(given)) continue;
    const outcome = readExperiment(given);
    if ("errors" in outcome) library.problems.push({ file, errors: outcome.errors });
    else library.experiments.set(outcome.experiment.name, outcome.experiment);
  }
  for (const { file, given } of read) {
    if (!isSuite(given)) continue;
    const outcome = readSuite(given, [...library.experiments.keys()]);
    if ("errors" in outcome) library.problems.push({ file, errors: outcome.errors });
    else library.suites.set(outcome.suite.name, outcome.suite);
  }
  return library;
}

function jsonFiles(folder: string): string[] {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => join(folder, name));
}

function parse(file: string): { given?: unknown; error?: string } {
  try {
    if (statSync(file).size > MAX_FILE_BYTES) return { error: `it has more than ${MAX_FILE_BYTES} bytes` };
    return { given: JSON.parse(readFileSync(file, "utf8")) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

/** Why there is no such experiment or suite: another is meant, or its file is wrong. */
export function notFound({ experiments, suites, problems }: Library, experiment?: string, suite?: string): AzoraError {
  const [what, name, known] = suite === undefined ? ["experiment", experiment!, experiments] : ["suite", suite, suites];
  const names = [...(known as Map<string, unknown>).keys()];
  const meant = nearest(name, names);
  const broken = problems.find(({ file }) => file.endsWith(`/${name}.json`));
  const why = broken
    ? `${broken.file} cannot be used: ${broken.errors.map(({ field, allowed }) => `${field} must be ${allowed}`).join("; ")}`
    : `There is no ${what} ${name}; ${meant ? `did you mean ${meant}?` : `there are ${names.join(", ")}`}`;
  return new AzoraError(broken ? "VALIDATION_ERROR" : "NOT_FOUND", why, broken ? { errors: broken.errors } : { name });
}
