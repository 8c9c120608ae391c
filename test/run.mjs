/**
 * `npm test`: unit and integration tests in parallel, then the end-to-end tests one after another, because each of
 * those starts a whole organism. The last line sums up both.
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
  ["--selectProjects", "unit", "integration", "--maxWorkers", "2"],
  ["--selectProjects", "e2e", "--runInBand"],
];

const sum = { passed: 0, failed: 0, skipped: 0 };
let exitCode = 0;
batches.forEach((batch, index) => {
  const outputFile = join(folder, `${index}.json`);
  const run = spawnSync(
    process.execPath,
    [
      "--experimental-vm-modules",
      "--disable-warning=ExperimentalWarning",
      jest,
      ...batch,
      "--json",
      `--outputFile=${outputFile}`,
      "--passWithNoTests",
      ...extra,
    ],
    { stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, XDG_CACHE_HOME: join(folder, "cache") } },
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
