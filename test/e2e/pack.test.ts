import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

const root = join(import.meta.dirname, "../..");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

interface Packed {
  filename: string;
  files: { path: string }[];
}

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

function run(program: string, args: string[], cwd: string, env: NodeJS.ProcessEnv = machine()): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd, env, timeout: 60_000, maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      resolve({ code: error ? (typeof error.code === "number" ? error.code : 1) : 0, stdout, stderr });
    });
  });
}

/** The environment of somebody who has never seen this repository: its node_modules/.bin is not on PATH. */
function machine(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|AZORA_|NODE_|JEST_|INIT_CWD)/i.test(name));
  const path = (process.env.PATH ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));
  return { ...Object.fromEntries(own), PATH: path.join(delimiter) };
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once("listening", resolve))));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Processes whose environment or command names the folder. */
function processesOf(folder: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        return environment.includes(folder) || command.includes(folder) ? [`${pid} ${command}`] : [];
      } catch {
        return [];
      }
    });
}

describe("the packed product", () => {
  let folder: string;
  let project: string;
  let packed: Packed;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "azora-pack-"));
    project = join(folder, "project");
    mkdirSync(project);
    writeFileSync(join(project, "package.json"), '{"name":"mine","private":true}');
    const pack = await run("npm", ["pack", "--json", "--pack-destination", folder], root, process.env);
    [packed] = Object.values(JSON.parse(pack.stdout)) as [Packed];
    const install = await run("npm", ["install", "--no-audit", "--no-fund", join(folder, packed.filename)], project);
    expect(install).toMatchObject({ code: 0 });
  }, 60_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("holds JavaScript, pages and documents, and neither tests nor types", () => {
    const paths = packed.files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining(["bin/azora.mjs", "dist/cli/main.js", "dist/runtime/node.js", "LICENSE"]),
    );
    expect(paths.filter((path) => /\.ts$|^(test|bench|packaging|examples|data|logs)\//.test(path))).toEqual([]);
    expect(paths.filter((path) => !/^(bin|dist|docs)\/|^[A-Z]+(\.md)?$|^package\.json$/.test(path))).toEqual([]);
  });

  test("leaves nothing behind in the repository", () => {
    expect(existsSync(join(root, "dist"))).toBe(false);
  });

  test("runs with the Node that it brings, whatever the machine has", async () => {
    const { code, stdout, stderr } = await run("npx", ["azora", "--version"], project);
    expect({ code, stdout: stdout.trim() }).toEqual({ code: 0, stdout: version });
    expect(stderr).not.toContain("Error");
    // Called by its path, npm's own PATH does not help.
    const direct = await run("node", ["node_modules/azora/bin/azora.mjs", "--version"], project);
    expect({ code: direct.code, stdout: direct.stdout.trim() }).toEqual({ code: 0, stdout: version });
  });

  test("boots in an empty project, tells how it is, and leaves no process behind", async () => {
    const [port, orchestratorPort] = await freePorts(2);
    const env = {
      ...machine(),
      AZORA_NAMESPACE: `pack-${process.pid}`,
      AZORA_PORT: String(port),
      AZORA_ORCHESTRATOR_PORT: String(orchestratorPort),
    };
    const azora = (...args: string[]) => run("npx", ["azora", ...args], project, env);
    try {
      const up = await azora("up", "-d");
      expect({ ...up, healthy: up.stdout.includes("healthy") }).toMatchObject({ code: 0, healthy: true });

      const status = JSON.parse((await azora("status", "--json")).stdout);
      expect(status).toMatchObject({ status: "healthy", launch: { done: true } });
      expect(status.services.healthy).toBe(status.services.total);

      const gateway = await fetch(`http://127.0.0.1:${port}/openapi.json`);
      expect(gateway.status).toBe(200);
      expect(((await gateway.json()) as { openapi: string }).openapi).toMatch(/^3\.1/);
    } finally {
      expect(await azora("down")).toMatchObject({ code: 0 });
    }
    expect(processesOf(folder)).toEqual([]);
    expect(readdirSync(project)).toEqual(expect.arrayContaining(["data", "logs"]));
  }, 50_000);
});
