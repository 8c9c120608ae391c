import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { freePorts, processesOf, run, strangersEnvironment } from "../support/command.ts";

const root = join(import.meta.dirname, "../..");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

interface Packed {
  filename: string;
  files: { path: string }[];
}

describe("the packed product", () => {
  let folder: string;
  let project: string;
  let packed: Packed;
  const here = (env = strangersEnvironment()) => ({ cwd: project, env });

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "azora-pack-"));
    project = join(folder, "project");
    mkdirSync(project);
    writeFileSync(join(project, "package.json"), '{"name":"mine","private":true}');
    const pack = await run("npm", ["pack", "--json", "--pack-destination", folder], { cwd: root, env: process.env });
    [packed] = Object.values(JSON.parse(pack.stdout)) as [Packed];
    const install = await run("npm", ["install", "--no-audit", "--no-fund", join(folder, packed.filename)], here());
    expect(install).toMatchObject({ code: 0 });
  }, 60_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("holds JavaScript, pages and documents, and neither tests nor types", () => {
    const paths = packed.files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        "bin/azora.mjs",
        "dist/cli/main.js",
        "dist/runtime/node.js",
        "dist/sdk/index.js",
        "dist/sdk/verifier.js",
        "LICENSE",
      ]),
    );
    expect(paths.filter((path) => /\.ts$|^(test|bench|packaging|examples|data|logs)\//.test(path))).toEqual([]);
    expect(paths.filter((path) => !/^(bin|dist|docs)\/|^[A-Z]+(\.md)?$|^package\.json$/.test(path))).toEqual([]);
  });

  test("leaves nothing behind in the repository", () => {
    expect(existsSync(join(root, "dist"))).toBe(false);
  });

  test("runs with the Node that it brings, whatever the machine has", async () => {
    const { code, stdout, stderr } = await run("npx", ["azora", "--version"], here());
    expect({ code, stdout: stdout.trim() }).toEqual({ code: 0, stdout: version });
    expect(stderr).not.toContain("Error");
    // Called by its path, npm's own PATH does not help.
    const direct = await run("node", ["node_modules/azora/bin/azora.mjs", "--version"], here());
    expect({ code: direct.code, stdout: direct.stdout.trim() }).toEqual({ code: 0, stdout: version });
  });

  test("brings the client classes for other programs", async () => {
    const script = `import { AzoraAutoHealer, AzoraBlockchainLogger } from "azora/sdk";
      console.log(typeof new AzoraAutoHealer().executeHealingAction, typeof new AzoraBlockchainLogger().logEvent)`;
    const { code, stdout } = await run("node", ["--input-type=module", "--eval", script], here());
    expect({ code, stdout: stdout.trim() }).toEqual({ code: 0, stdout: "function function" });
  });

  test("brings a verifier that needs nothing else of it", async () => {
    const alone = join(folder, "alone");
    const dist = join(project, "node_modules/azora/dist");
    cpSync(join(dist, "tlog"), join(alone, "tlog"), { recursive: true });
    cpSync(join(dist, "sdk/verifier.js"), join(alone, "sdk/verifier.js"));
    writeFileSync(join(alone, "package.json"), '{"type":"module"}');
    const script = (module: string) => `import { verifyFolder, verifyBundle } from "${module}";
      console.log(typeof verifyBundle, (await verifyFolder("nowhere").catch((error) => error)).isValid ?? "refused")`;
    for (const [module, cwd] of [
      ["azora/verifier", project],
      ["./sdk/verifier.js", alone],
    ] as const) {
      const { code, stdout } = await run("node", ["--input-type=module", "--eval", script(module)], { ...here(), cwd });
      expect({ code, stdout: stdout.trim() }).toEqual({
        code: 0,
        stdout: expect.stringMatching(/^function (false|refused)$/),
      });
    }
  });

  test("boots in an empty project, tells how it is, and leaves no process behind but a record that verifies", async () => {
    const [port, orchestratorPort] = await freePorts(2);
    const env = {
      ...strangersEnvironment(),
      AZORA_NAMESPACE: `pack-${process.pid}`,
      AZORA_PORT: String(port),
      AZORA_ORCHESTRATOR_PORT: String(orchestratorPort),
    };
    const azora = (...args: string[]) => run("npx", ["azora", ...args], here(env));
    try {
      const up = await azora("up", "-d");
      expect({ ...up, healthy: up.stdout.includes("healthy") }).toMatchObject({ code: 0, healthy: true });

      const status = JSON.parse((await azora("status", "--json")).stdout);
      expect(status).toMatchObject({ status: "healthy", launch: { done: true } });
      expect(status.services.healthy).toBe(status.services.total);

      const gateway = await fetch(`http://127.0.0.1:${port}/openapi.json`);
      expect(gateway.status).toBe(200);
      expect(((await gateway.json()) as { openapi: string }).openapi).toMatch(/^3\.1/);
      const page = await fetch(`http://127.0.0.1:${orchestratorPort}/`);
      expect(page.headers.get("content-type")).toContain("text/html");

      const logged = await azora("chain", "log", "shop.opened", "{}", "--wait", "checkpointed");
      expect(logged).toMatchObject({ code: 0, stdout: expect.stringContaining("checkpointed") });
    } finally {
      expect(await azora("down")).toMatchObject({ code: 0 });
    }
    expect(processesOf(folder)).toEqual([]);
    // Its record outlives it, and can be checked by the package's verifier alone.
    const script = `import { verifyFolder } from "azora/verifier";
      console.log((await verifyFolder("data/chain/log", { workers: 2 })).isValid)`;
    writeFileSync(join(project, "verify.mjs"), script);
    expect(await run("node", ["verify.mjs"], here())).toMatchObject({ code: 0, stdout: "true\n" });
    expect(readdirSync(project)).toEqual(expect.arrayContaining(["data", "logs"]));
  }, 50_000);
});
