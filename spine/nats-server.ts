import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { delimiter, join } from "node:path";
import { type NatsServerState, writeBus } from "../runtime/bus.ts";
import { replaceFile } from "../runtime/durable-file.ts";
import { freePort } from "../runtime/free-port.ts";
import type { Organism } from "../runtime/organism.ts";
import { isAlive, type ProcessIdentity, signal } from "../runtime/process-identity.ts";
import { spawnDetached } from "../runtime/spawn-process.ts";

const READY_TIMEOUT_MS = 5000;
const CHECK_EVERY_MS = 1000;
const ANSWER_TIMEOUT_MS = 1000;
/** Checks without an answer after which the server counts as hung. */
const STRIKES = 3;
/** A server that ended sooner after its start, and not for the first time, is not started again at once, ms. */
const RESTART_PAUSE_MS = 1000;
const SBIN = ["/usr/sbin", "/usr/local/sbin"];

/** Where the program is, if it is on PATH (or in sbin, where Debian puts it). */
export function findNatsServer(path = process.env.PATH ?? ""): string | undefined {
  return [...path.split(delimiter), ...SBIN]
    .map((folder) => join(folder, "nats-server"))
    .find((file) => existsSync(file));
}

/** Our own bus: on loopback, with random credentials, always on the same port as long as the organism lives. */
export class NatsServer {
  readonly #organism: Organism;
  readonly #program: string;
  state: NatsServerState;
  #stopping = false;
  #strikes = 0;
  #startedAt = 0;
  #endedSoon = false;
  #timer: NodeJS.Timeout | undefined;
  #log: (message: string) => void;

  constructor(organism: Organism, program: string, state: NatsServerState, log: (message: string) => void) {
    this.#organism = organism;
    this.#program = program;
    this.state = state;
    this.#log = log;
  }

  /** Adopts the server that runs, or starts one. Resolves when it takes connections. */
  async start(): Promise<void> {
    if (this.state.process && isAlive(this.state.process)) this.#watch(this.state.process);
    else await this.#spawn();
    this.#timer = setInterval(() => void this.#check(), CHECK_EVERY_MS);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#timer);
    const { process: server } = this.state;
    if (!server) return;
    signal(server, "SIGTERM");
    const end = Date.now() + 2000;
    while (isAlive(server) && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
    signal(server, "SIGKILL");
  }

  get url(): string {
    const { user, password, port } = this.state;
    return `nats://${user}:${password}@127.0.0.1:${port}`;
  }

  async #spawn(): Promise<void> {
    const { user, password, port } = this.state;
    const config = join(this.#organism.runFolder, "nats.conf");
    this.#keep(
      config,
      `listen: "127.0.0.1:${port}"\nauthorization { user: "${user}", password: "${password}" }\nmax_payload: 8MB\nwrite_deadline: "5s"\n`,
    );
    const log = join(this.#organism.logDir, "nats-server.log");
    this.#startedAt = Date.now();
    const { child, identity } = await spawnDetached({
      command: this.#program,
      args: ["-c", config],
      cwd: this.#organism.runFolder,
      env: { PATH: process.env.PATH },
      log,
    });
    this.state.process = identity;
    this.#tryTo(() => writeBus(this.#organism.runFolder, { kind: "nats", url: this.url, server: this.state }));
    child.once("exit", () => this.#ended(identity));
    const end = Date.now() + READY_TIMEOUT_MS;
    while (!(await answers(port, 200))) {
      if (child.exitCode !== null) throw new Error(`nats-server ended with exit code ${child.exitCode}; see ${log}`);
      if (Date.now() > end) throw new Error(`nats-server does not answer on port ${port}; see ${log}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Writes a file unless it is there as it should be: a full disk must not keep the bus from being started again. */
  #keep(path: string, content: string): void {
    if (existsSync(path) && readFileSync(path, "utf8") === content) return;
    replaceFile(path, content);
  }

  #tryTo(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#log(`its state cannot be kept: ${(error as Error).message}`);
    }
  }

  /** An adopted server is not our child: it is looked at. */
  #watch(identity: ProcessIdentity): void {
    const timer = setInterval(() => {
      if (isAlive(identity)) return;
      clearInterval(timer);
      this.#ended(identity);
    }, 50);
  }

  #ended(identity: ProcessIdentity): void {
    if (this.#stopping || this.state.process?.pid !== identity.pid) return;
    const again = this.#endedSoon;
    this.#endedSoon = Date.now() - this.#startedAt < RESTART_PAUSE_MS;
    if (this.#endedSoon && again) {
      setTimeout(() => this.#ended(identity), RESTART_PAUSE_MS);
      return;
    }
    this.#log("nats-server has ended and is started again");
    this.#spawn().catch((error: Error) => {
      this.#log(`nats-server cannot be started: ${error.message}`);
      setTimeout(() => this.#ended(identity), RESTART_PAUSE_MS);
    });
  }

  /** A server that takes no connection for several checks hangs: it is killed, and so started again. */
  async #check(): Promise<void> {
    if (this.#stopping || !this.state.process) return;
    this.#strikes = (await answers(this.state.port, ANSWER_TIMEOUT_MS)) ? 0 : this.#strikes + 1;
    if (this.#strikes < STRIKES) return;
    this.#strikes = 0;
    this.#log("nats-server does not answer and is killed");
    signal(this.state.process, "SIGKILL");
  }
}

export async function newServerState(): Promise<NatsServerState> {
  return { port: await freePort(), user: "azora", password: randomBytes(24).toString("base64url") };
}

/** True if the server greets: NATS speaks first. */
function answers(port: number, timeout: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, timeout });
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("data", (greeting) => done(greeting.toString().startsWith("INFO ")));
    socket.once("error", () => done(false));
    socket.once("timeout", () => done(false));
    socket.once("close", () => done(false));
  });
}
