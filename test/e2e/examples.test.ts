import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { freePorts, processesOf, run } from "../support/command.ts";
import { describeWith } from "../support/needs.ts";

const root = join(import.meta.dirname, "../..");

interface Instance {
  pid: number;
  incarnation: number;
}

let folder: string;
let env: NodeJS.ProcessEnv;
let api: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "azora-examples-"));
  const [port, orchestratorPort, own] = await freePorts(3);
  api = `http://127.0.0.1:${own}/api`;
  env = {
    ...process.env,
    AZORA_DATA_DIR: join(folder, "data"),
    AZORA_LOG_DIR: join(folder, "logs"),
    AZORA_NAMESPACE: `examples-${process.pid}`,
    AZORA_PORT: String(port),
    AZORA_ORCHESTRATOR_PORT: String(orchestratorPort),
    PORT: String(own),
  };
});

afterEach(async () => {
  expect(await azora("down")).toMatchObject({ code: 0 });
  expect(processesOf(folder)).toEqual([]);
  rmSync(folder, { recursive: true, force: true });
});

const azora = (...args: string[]) => run(process.execPath, ["bin/azora.mjs", ...args], { cwd: root, env });

async function instanceOf(service: string): Promise<Instance | undefined> {
  const answer = await fetch(`http://127.0.0.1:${env["AZORA_ORCHESTRATOR_PORT"]}/orchestrator/services/${service}`);
  const { status, instances } = (await answer.json()) as { status: string; instances: Instance[] };
  return status === "healthy" ? instances[0] : undefined;
}

async function eventually<T>(look: () => Promise<T | undefined | false>): Promise<T> {
  for (const end = Date.now() + 15_000; ; ) {
    const found = await look().catch(() => undefined);
    if (found) return found;
    if (Date.now() > end) throw new Error("waited 15 s in vain");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test("a Moleculer project runs as it is, with its own gateway, configuration and .env", async () => {
  const up = await azora("up", "-d", "examples/moleculer-project");
  expect({ ...up, healthy: up.stdout.includes("healthy") }).toMatchObject({ code: 0, healthy: true });
  expect(up.stdout).toContain("transporter, node id, namespace and logger are Azora's");

  // moleculer-web takes new routes up half a second after it has seen them.
  const order = await eventually(async () => {
    const answer = await fetch(`${api}/v2/orders`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ id: "baguette", pieces: 3 }),
    });
    return answer.status !== 404 && answer.json();
  });
  expect(order).toEqual({ number: 1, id: "baguette", pieces: 3, cents: 450, currency: "EUR" });
  const latest = async () => (await fetch(`${api}/receipts/latest`)).json() as Promise<{ receipts: string[] }>;
  const receipts = await eventually(async () => {
    const answer = await latest();
    return answer.receipts.length > 0 && answer;
  });
  expect(receipts).toEqual({ region: "eu-central", receipts: ["#1: 3 × baguette, 4.50 EUR"] });
}, 40_000);

describeWith("python3", "a program in Python", () => {
  test("is launched before the service that needs it, and comes back when it is killed", async () => {
    expect(await azora("up", "-d", "examples/programs")).toMatchObject({ code: 0 });
    const first = (await instanceOf("weather"))!;
    const service = (await instanceOf("clothing"))!;
    expect(service).toBeDefined();
    const ask = async () => (await fetch("http://127.0.0.1:3921/temperature?city=Oslo")).json();
    expect(await ask()).toEqual({ city: "Oslo", celsius: 11 });

    process.kill(first.pid, "SIGKILL");
    const second = await eventually(async () => {
      const now = await instanceOf("weather");
      return now && now.pid !== first.pid && now;
    });
    expect(second.incarnation).toBe(first.incarnation + 1);
    expect(await ask()).toEqual({ city: "Oslo", celsius: 11 });
    expect(await instanceOf("clothing")).toMatchObject({ incarnation: service.incarnation });
  }, 40_000);
});
