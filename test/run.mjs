/**
 * `npm test`: unit and integration tests, then the end-to-end tests, two files at a time, because an organism waits more
 * than it works; in the end those that have to be alone. The last line sums up all.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const jest = createRequire(import.meta.url).resolve("jest/bin/jest");
const folder = mkdtempSync(join(tmpdir(), "azora-test-"));
const extra = process.argv.slice(2);
const batches = [
  { options: ["--selectProjects", "unit", "integration", "--maxWorkers", "2"] },
  { options: ["--selectProjects", "e2e", "--maxWorkers", "2"], env: { END_TO_END: "beside" } },
  { options: ["--selectProjects", "e2e", "--runInBand"], env: { END_TO_END: "alone" } },
];

const sum = { passed: 0, failed: 0, skipped: 0 };
let exitCode = 0;
batches.forEach(({ options, env = {} }, index) => {
  const outputFile = join(folder, `${index}.json`);
  const run = spawnSync(
    process.execPath,
    [
      "--experimental-vm-modules",
      "--disable-warning=ExperimentalWarning",
      jest,
      ...options,
      "--json",
      `--outputFile=${outputFile}`,
      "--passWithNoTests",
      ...extra,
    ],
    { stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, ...env, XDG_CACHE_HOME: join(folder, "cache") } },
  );
  if (run.status !== 0) exitCode = 1;
  try {
    const result = JSON.parse(readFileSync(outputFile, "utf8"));
    sum.passed += result.numPassedTests;
    sum.failed += result.numFailedTests + result.numRuntimeErrorTestSuites;
    sum.skipped += result.numPendingTests + result.numTodoTests;
  } catch {
    exitCode = 1;
    sum.failed += 1;
  }
});
rmSync(folder, { recursive: true, force: true });
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exit(exitCode);
