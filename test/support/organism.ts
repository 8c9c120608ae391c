import { execFile, spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { ServiceBroker } from "moleculer";
import { createNodeBroker } from "../../runtime/broker.ts";
import { readBus } from "../../runtime/bus.ts";
import { freePort } from "../../runtime/free-port.ts";
import { lockHolder } from "../../runtime/lock.ts";
import { JsonLogger } from "../../runtime/logger.ts";
import { Mesh } from "../../runtime/mesh/mesh.ts";
import { readPlan, runFolderOf, spineLock } from "../../runtime/organism.ts";
import { ownIdentity } from "../../runtime/process-identity.ts";
import { readSettings } from "../../runtime/settings.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const NODE = resolve(ROOT, "node_modules/.bin/node");
export const ORGANS_FIXTURE = join(ROOT, "test/fixtures/organs");

export interface StatusNode {
  id: string;
  organ: string;
  pid: number;
  status: string;
  incarnation: number;
  host: string;
  memory: number;
  why?: string;
}

export interface Status {
  status: string;
  why: string;
  epoch: number;
  launch: { done: boolean; phase: number; started: number; total: number };
  services: Record<string, number>;
  nodes: StatusNode[];
  healing: {
    target: { node?: string; service?: string };
    failure: string;
    success: boolean;
    attempt: number;
    duration: number;
    action: string;
    reason: string;
  }[];
}

/** A real organism in processes of its own, with folders, ports and a namespace of its own. */
export class TestOrganism {
  readonly folder = mkdtempSync(join(tmpdir(), "azora-e2e-"));
  readonly env: NodeJS.ProcessEnv;
  readonly port: number;
  readonly gatewayPort: number;
  readonly #guests: (() => Promise<void>)[] = [];

  private constructor(port: number, gatewayPort: number, env: Record<string, string>) {
    this.port = port;
    this.gatewayPort = gatewayPort;
    mkdirSync(join(this.folder, "data"), { recursive: true });
    const inherited = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !name.startsWith("AZORA_") && name !== "NODE_OPTIONS"),
    );
    this.env = {
      ...inherited,
      AZORA_DATA_DIR: join(this.folder, "data"),
      AZORA_LOG_DIR: join(this.folder, "logs"),
      AZORA_NAMESPACE: `test-${randomUUID().slice(0, 8)}`,
      AZORA_PORT: String(gatewayPort),
      AZORA_ORCHESTRATOR_PORT: String(port),
      AZORA_HEALTH_INTERVAL: "500",
      AZORA_HEALING_TIME_SCALE: "0.1",
      FIXTURE_LEDGER: join(this.folder, "ledger.txt"),
      ...env,
    };
  }

  static async create(env: Record<string, string> = {}): Promise<TestOrganism> {
    return new TestOrganism(await freePort(), await freePort(), env);
  }

  /** Runs a command of the command line to its end. */
  cli(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    return new Promise((done) => {
      execFile(
        NODE,
        [join(ROOT, "bin/azora.mjs"), ...args],
        { cwd: this.folder, env: this.env, timeout: 60_000 },
        (error, out, err) => {
          const code = error ? (typeof error.code === "number" ? error.code : 1) : 0;
          done({ code, out, err });
        },
      );
    });
  }

  /** A command that goes on running. */
  cliProcess(...args: string[]) {
    return spawn(NODE, [join(ROOT, "bin/azora.mjs"), ...args], {
      cwd: this.folder,
      env: this.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  async up(services = ORGANS_FIXTURE): Promise<string> {
    const { code, out, err } = await this.cli("up", "-d", services);
    if (code !== 0) throw new Error(`azora up ended with ${code}\n${out}\n${err}\n${this.logTail()}`);
    return out;
  }

  /** Stops everything and says whether a process was left. */
  async down(): Promise<void> {
    for (const leave of this.#guests.splice(0)) await leave();
    await this.cli("down");
    const end = Date.now() + 2000;
    while (this.processes().length > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
    const left = this.processes();
    for (const pid of left) killQuietly(pid);
    rmSync(this.folder, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`processes were left: ${left.join(", ")}`);
  }

  /** Living processes that carry this organism's data folder in their environment, and its own bus, which carries nothing. */
  processes(): number[] {
    const mark = `AZORA_DATA_DIR=${this.env["AZORA_DATA_DIR"]}`;
    const bus = join(this.runFolder, "nats.conf");
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .filter((pid) => {
        try {
          const state = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]![0];
          if (state === "Z") return false;
          return (
            readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(bus) ||
            readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(mark)
          );
        } catch {
          return false;
        }
      })
      .map(Number);
  }

  get token(): string {
    return readFileSync(join(this.env["AZORA_DATA_DIR"]!, "operator.token"), "utf8").trim();
  }

  get runFolder(): string {
    return runFolderOf(this.env["AZORA_DATA_DIR"]!);
  }

  async get<T>(path: string): Promise<T> {
    return (await (await fetch(`http://127.0.0.1:${this.port}${path}`)).json()) as T;
  }

  async post<T>(path: string, body: object = {}): Promise<{ status: number; body: T }> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${this.token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as T };
  }

  status(): Promise<Status> {
    return this.get("/orchestrator/status");
  }

  async node(id: string): Promise<StatusNode> {
    return (await this.status()).nodes.find((node) => node.id === id)!;
  }

  async pid(id: string): Promise<number> {
    return id === "spine" ? this.spinePid() : id === "nats-server" ? this.natsPid() : (await this.node(id)).pid;
  }

  /** 0 for the moment in which one inherits another's lock. */
  spinePid(): number {
    return lockHolder(spineLock(this.runFolder))?.pid ?? 0;
  }

  natsPid(): number {
    const bus = readBus(this.runFolder);
    return bus?.kind === "nats" ? bus.server!.process!.pid : 0;
  }

  /** Waits until a condition on the status holds; the orchestrator may be away meanwhile. */
  async until(what: string, condition: (status: Status) => boolean, timeout = 20_000): Promise<Status> {
    const end = Date.now() + timeout;
    let last: Status | undefined;
    while (Date.now() < end) {
      last = await this.status().catch(() => undefined);
      if (last && condition(last)) return last;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error(
      `not within ${timeout} ms: ${what}; last seen ${JSON.stringify(last)?.slice(0, 1500)}\n${this.logTail()}`,
    );
  }

  untilHealthy(timeout?: number): Promise<Status> {
    return this.until(
      "everything healthy",
      (status) => status.status === "healthy" && status.nodes.every((node) => node.status === "up"),
      timeout,
    );
  }

  /** Joins the organism's bus as a caller. */
  async join(): Promise<ServiceBroker> {
    const id = `guest-${process.pid}-${this.#guests.length}`;
    const { project } = readPlan(this.env["AZORA_DATA_DIR"]!);
    const mesh = new Mesh({
      folder: this.runFolder,
      hello: { id, role: "guest", instanceId: randomUUID(), ...ownIdentity() },
    });
    const { broker } = createNodeBroker({
      nodeId: id,
      namespace: this.env["AZORA_NAMESPACE"]!,
      bus: readBus(this.runFolder)!,
      settings: readSettings(this.env),
      logger: new JsonLogger("fatal"),
      mesh,
      metadata: {},
      ...(project.foreign ? { own: { serializer: "JSON" }, onlySerializer: true } : {}),
    });
    await mesh.start();
    await broker.start();
    this.#guests.push(async () => {
      await broker.stop();
      await mesh.close();
    });
    return broker;
  }

  logTail(): string {
    const logs = join(this.folder, "logs");
    if (!existsSync(logs)) return "";
    return readdirSync(logs)
      .filter((name) => name.endsWith(".log"))
      .map((name) => `--- ${name}\n${readFileSync(join(logs, name), "utf8").split("\n").slice(-6).join("\n")}`)
      .join("\n")
      .slice(-6000);
  }
}

/** True if nats-server can be started on this machine. */
export function hasNats(): boolean {
  return (
    spawnSync("nats-server", ["--version"], { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } })
      .status === 0
  );
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // gone already
  }
}
