import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe } from "@jest/globals";

/** Public test vectors, where they lie beside the checkout. */
const VECTORS = join(import.meta.dirname, "../../../shared/vectors");

/** `describe` for tests that read published vectors; without the folder they are skipped, and the run says so. */
export function describeVectors(title: string, folder: string, body: (path: (name: string) => string) => void): void {
  if (existsSync(join(VECTORS, folder))) describe(title, () => body((name) => join(VECTORS, folder, name)));
  else describe.skip(`${title} [needs the vectors ../shared/vectors/${folder}]`, () => body((name) => name));
}

export function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, "utf8")) as T;
}
