import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePort } from "../runtime/free-port.ts";
import type { CalleeSide, CallerSide, Phase } from "./load-side.ts";

const SIDE = join(import.meta.dirname, "load-side.ts");

/** A private nats-server with the processes of one run of a bench on it. */
export class LoadBus {
  readonly url: string;
  readonly #nats: ChildProcess;
  readonly #callees: ChildProcess[] = [];

  private constructor(url: string, nats: ChildProcess) {
    this.url = url;
    this.#nats = nats;
  }

  static async start(): Promise<LoadBus> {
    const port = await freePort();
    const env = { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin` };
    const nats = spawn("nats-server", ["-a", "127.0.0.1", "-p", String(port)], { stdio: "ignore", env });
    await new Promise((done) => setTimeout(done, 300));
    return new LoadBus(`nats://127.0.0.1:${port}`, nats);
  }

  async callee(given: Omit<CalleeSide, "role" | "url">): Promise<ChildProcess> {
    const child = side({ role: "callee", url: this.url, ...given });
    this.#callees.push(child);
    await once(child.stdout!, "data");
    return child;
  }

  async call(given: Omit<CallerSide, "role" | "url">): Promise<Phase[]> {
    const child = side({ role: "caller", url: this.url, ...given });
    const phases: Phase[] = [];
    for await (const line of createInterface({ input: child.stdout! })) phases.push(JSON.parse(line) as Phase);
    if (phases.length < given.phases.length) throw new Error(`the calling side of ${given.side} has ended too early`);
    return phases;
  }

  async stop(): Promise<void> {
    for (const child of this.#callees) if (child.exitCode === null && child.kill()) await once(child, "exit");
    if (this.#nats.kill()) await once(this.#nats, "exit");
  }
}

function side(given: CalleeSide | CallerSide): ChildProcess {
  const args = ["--disable-warning=ExperimentalWarning", SIDE, JSON.stringify(given)];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
}
