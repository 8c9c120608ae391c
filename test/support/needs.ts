import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { describe } from "@jest/globals";

/** True when the program is found on PATH. */
export function onPath(program: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * `describe` for tests that need a real program. Without it they are skipped, and the run says so at its end;
 * with CI=true they fail.
 */
export function describeWith(program: string, title: string, body: () => void, debianPackage = program): void {
  if (onPath(program)) {
    describe(title, body);
    return;
  }
  if (process.env.CI === "true") throw new Error(`CI needs ${program}: apt-get install ${debianPackage}`);
  describe.skip(`${title} [needs ${program}: ${debianPackage}]`, body);
}
