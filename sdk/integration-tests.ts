import { chain } from "./integration-tests/chain.ts";
import { type Check, Skip } from "./integration-tests/check.ts";
import { data } from "./integration-tests/data.ts";
import { failure } from "./integration-tests/failure.ts";
import { healing } from "./integration-tests/healing.ts";
import { living } from "./integration-tests/living.ts";
import { load } from "./integration-tests/load.ts";
import { optimizer } from "./integration-tests/optimizer.ts";
import { rules } from "./integration-tests/rules.ts";
import { together } from "./integration-tests/together.ts";
import { World } from "./integration-tests/world.ts";
import { type LinkOptions, OrganismError } from "./organism-link.ts";

/** In this order. */
const CHECKS: readonly Check[] = [living, healing, rules, chain, optimizer, together, failure, load, data];

export const INTEGRATION_TESTS: readonly { name: string; about: string }[] = CHECKS.map(({ name, about }) => ({
  name,
  about,
}));

export interface IntegrationTestResult {
  name: string;
  status: "passed" | "failed" | "skipped";
  /** How long it took. */
  ms: number;
  /** What was seen, what is wrong, or why there was nothing to test. */
  detail: string;
}

export interface IntegrationTestReport {
  /** False where one failed. What was skipped was not passed, but is no failure. */
  ok: boolean;
  /** ISO 8601 */
  at: string;
  /** Everything that the run wrote carries it. */
  run: string;
  ms: number;
  results: IntegrationTestResult[];
}

export interface IntegrationTestOptions extends LinkOptions {
  /** The gateway. @default http://127.0.0.1:<AZORA_PORT, 3000> */
  gateway?: string;
  /** Names of the tests that are wanted. @default all */
  only?: readonly string[];
  /** Ends the run: what it has written is still erased. */
  signal?: AbortSignal;
  /** Told of each result as it comes. @default prints it */
  onResult?(result: IntegrationTestResult): void;
}

/** What was refused, or could not be asked. */
export class IntegrationTestError extends OrganismError {}

const SIGNS = { passed: "✔", failed: "✖", skipped: "–" } as const;

/**
 * Tries out on a living organism what its users rely on. It writes, fails and restarts nothing but the service `self-test`,
 * which is there for that; in the audit chain it leaves entries that say so.
 * @throws IntegrationTestError SERVICE_UNAVAILABLE where no organism answers, VALIDATION_ERROR for an unknown test
 */
export async function runAzoraIntegrationTests(options: IntegrationTestOptions = {}): Promise<IntegrationTestReport> {
  const { signal = new AbortController().signal, onResult = print } = options;
  const checks = wanted(options.only);
  const world = await World.of({ ...options, signal });
  const start = performance.now();
  const at = new Date().toISOString();
  await world.ask("/live").catch((error: OrganismError) => {
    throw new IntegrationTestError(error.code ?? "SERVICE_UNAVAILABLE", error.message);
  });
  const results: IntegrationTestResult[] = [];
  const tell = (result: IntegrationTestResult) => {
    results.push(result);
    onResult(result);
  };
  try {
    for (const check of checks) tell(await carryOut(check, world));
  } finally {
    const tidying = performance.now();
    const left = await world.tidyUp();
    if (left.length > 0)
      tell({ name: "tidy up", status: "failed", ms: since(tidying), detail: `something was left: ${left.join("; ")}` });
  }
  return { ok: results.every(({ status }) => status !== "failed"), at, run: world.run, ms: since(start), results };
}

async function carryOut(check: Check, world: World): Promise<IntegrationTestResult> {
  const { name } = check;
  if (world.signal.aborted) return { name, status: "skipped", ms: 0, detail: "the run was interrupted" };
  const start = performance.now();
  try {
    const detail = await check.run(world);
    return { name, status: "passed", ms: since(start), detail };
  } catch (error) {
    const ms = since(start);
    if (world.signal.aborted) return { name, status: "failed", ms, detail: "the run was interrupted" };
    const { message } = error as Error;
    return { name, status: error instanceof Skip ? "skipped" : "failed", ms, detail: message };
  }
}

function wanted(only: readonly string[] | undefined): readonly Check[] {
  if (only === undefined) return CHECKS;
  const unknown = only.find((name) => !CHECKS.some((check) => check.name === name));
  if (unknown === undefined && only.length > 0) return CHECKS.filter(({ name }) => only.includes(name));
  const allowed = `of ${CHECKS.map(({ name }) => name).join(", ")}`;
  const message = `only is ${JSON.stringify(unknown ?? only)}, but must be ${allowed}`;
  throw new IntegrationTestError("VALIDATION_ERROR", message, 422, [
    { field: "only", value: unknown ?? only, allowed },
  ]);
}

function print({ name, status, ms, detail }: IntegrationTestResult): void {
  console.log(`${SIGNS[status]} ${name.padEnd(9)} ${String(Math.round(ms)).padStart(6)} ms  ${detail}`);
}

function since(start: number): number {
  return Math.round((performance.now() - start) * 10) / 10;
}
