/** Plain Moleculer under PM2 7, as it is set up by hand: one process for each organ, NATS between them. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { ServiceBroker } from "moleculer";
import { freePort } from "../runtime/free-port.ts";
import { HEAP_LIMIT_MB, ORGANS, type Organ } from "./patients.ts";

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, "..");
const INSTALL_TIMEOUT_MS = 120_000;
const PM2_TIMEOUT_MS = 30_000;

/** Installs PM2 into the folder. Returns why it could not be had, else nothing. */
export async function installPm2(folder: string): Promise<string | undefined> {
  try {
    const args = ["install", "--prefix", folder, "--no-audit", "--no-fund", "pm2@7"];
    await run("npm", args, { timeout: INSTALL_TIMEOUT_MS, cwd: folder });
    return existsSync(pm2Program(folder)) ? undefined : "npm installed it without its program";
  } catch (error) {
    return String((error as { stderr?: string }).stderr || (error as Error).message).split("\n")[0]!;
  }
}

function pm2Program(folder: string): string {
  return join(folder, "node_modules/pm2/bin/pm2");
}

export class UnderPm2 {
  readonly #folder: string;
  readonly #nats: ChildProcess;
  readonly #watcher: ServiceBroker;

  private constructor(folder: string, nats: ChildProcess, watcher: ServiceBroker) {
    this.#folder = folder;
    this.#nats = nats;
    this.#watcher = watcher;
  }

  /** @param folder where PM2 is installed; its daemon keeps its files there too */
  static async start(folder: string, files: Record<Organ, string[]>): Promise<UnderPm2> {
    const port = await freePort();
    const nats = spawn("nats-server", ["-a", "127.0.0.1", "-p", String(port)], {
      stdio: "ignore",
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
    });
    await new Promise((done) => setTimeout(done, 300));
    const transporter = { type: "NATS" as const, options: { url: `nats://127.0.0.1:${port}` } };
    const watcher = new ServiceBroker({ nodeID: "watcher", transporter, logger: false });
    const side = new UnderPm2(folder, nats, watcher);
    try {
      const config = join(folder, "apps.config.json");
      const apps = ORGANS.map((organ) => appOf(folder, organ, transporter, files[organ]));
      writeFileSync(config, JSON.stringify({ apps }));
      await side.#pm2("start", config);
      await watcher.start();
      return side;
    } catch (error) {
      await side.close();
      throw error;
    }
  }

  call(action: string, timeout: number): Promise<unknown> {
    return this.#watcher.call(action, {}, { timeout });
  }

  async close(): Promise<void> {
    await this.#watcher.stop().catch(() => {});
    await this.#pm2("kill").catch(() => {});
    const gone = once(this.#nats, "exit");
    this.#nats.kill();
    await gone;
  }

  #pm2(...args: string[]) {
    const env = { ...process.env, PM2_HOME: join(this.#folder, "home") };
    return run(process.execPath, [pm2Program(this.#folder), ...args], { env, timeout: PM2_TIMEOUT_MS });
  }
}

function appOf(folder: string, organ: Organ, transporter: object, files: readonly string[]) {
  const script = join(folder, `${organ}.mjs`);
  const options = { nodeID: organ, transporter, logger: false, dependencyInterval: 50 };
  const broker = JSON.stringify({ ...options, transit: { serviceChangedDebounceTime: 10 } });
  writeFileSync(
    script,
    `import { ServiceBroker } from ${JSON.stringify(join(ROOT, "node_modules/moleculer/index.mjs"))};
const broker = new ServiceBroker(${broker});
for (const file of ${JSON.stringify(files)}) broker.createService((await import(file)).default);
await broker.start();
`,
  );
  return {
    name: organ,
    script,
    interpreter: process.execPath,
    node_args: `--max-old-space-size=${HEAP_LIMIT_MB}`,
    max_memory_restart: "150M",
    out_file: "/dev/null",
    error_file: "/dev/null",
  };
}
