import { resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type IntegrationTestReport, runAzoraIntegrationTests } from "../../sdk/integration-tests.ts";
import { TestOrganism } from "../support/organism.ts";

const ROOT = resolve(import.meta.dirname, "../..");

describe("the self-test of a living organism", () => {
  let organism: TestOrganism;
  beforeAll(async () => {
    organism = await TestOrganism.create();
    await organism.up(ROOT);
    await organism.untilHealthy();
  }, 60_000);
  afterAll(() => organism?.down(), 30_000);

  /** What is in the file of the service that tests write to. */
  function notes(): number {
    const file = new DatabaseSync(`${organism.env["AZORA_DATA_DIR"]}/db/self-test.sqlite`, { readOnly: true });
    try {
      return Number(file.prepare("SELECT count(*) AS notes FROM docs_self_test_notes").get()!["notes"]);
    } finally {
      file.close();
    }
  }

  test("passes everything, and leaves nothing behind", async () => {
    const { code, out } = await organism.cli("selftest", "--json");
    const report = JSON.parse(out) as IntegrationTestReport;
    const failed = report.results.filter(({ status }) => status === "failed");
    expect({ code, failed }).toEqual({ code: 0, failed: [] });
    const byName = Object.fromEntries(report.results.map(({ name, status }) => [name, status]));
    expect(byName).toEqual({
      organism: "passed",
      healing: "passed",
      rules: "passed",
      chain: "passed",
      optimizer: "passed",
      together: "passed",
      failure: "passed",
      load: "passed",
      data: "passed",
    });
    expect(report.results.find(({ name }) => name === "rules")!.detail).toContain("a faulty one was refused");
    expect(notes()).toBe(0);
    const { status } = await organism.status();
    expect(status).toBe("healthy");
  }, 60_000);

  test("prints each result with its time, in words", async () => {
    const { code, out } = await organism.cli("selftest", "--only", "organism,data");
    expect(code).toBe(0);
    expect(out).toMatch(/✔ passed {3}organism +\d+ ms {2}\d+ of \d+ services are healthy on 7 nodes/);
    expect(out).toMatch(/✔ passed {3}data +\d+ ms {2}/);
    expect(out).toContain("2 passed in ");
  });

  test("erases what it has written when it is interrupted", async () => {
    const child = organism.cliProcess("selftest", "--only", "together,load");
    let out = "";
    child.stdout.on("data", (chunk) => {
      out += chunk;
    });
    const ended = new Promise<number | null>((done) => child.once("exit", done));
    while (!out.includes("together") && child.exitCode === null) await sleep(20);
    // Its note is in the store until the end of the run, and the load has just begun.
    expect(notes()).toBe(1);
    child.kill("SIGINT");
    expect(await ended).toBe(1);
    expect(out).toContain("the run was interrupted");
    expect(notes()).toBe(0);
  });

  test("fails with exit code 1, and says what is wrong", async () => {
    expect((await organism.cli("stop", "self-test")).code).toBe(0);
    const { code, out } = await organism.cli("selftest", "--only", "healing,load");
    expect(code).toBe(1);
    expect(out).toMatch(/✖ failed {3}load .*calls failed/);
    expect((await organism.cli("start", "self-test")).code).toBe(0);
  }, 60_000);

  test("is to be had from other programs", async () => {
    const told: string[] = [];
    const report = await runAzoraIntegrationTests({
      url: `http://127.0.0.1:${organism.port}`,
      gateway: `http://127.0.0.1:${organism.gatewayPort}`,
      token: organism.token,
      only: ["together", "failure"],
      onResult: ({ name, status }) => told.push(`${name} ${status}`),
    });
    expect({ ok: report.ok, told }).toEqual({ ok: true, told: ["together passed", "failure passed"] });
  }, 60_000);
});
