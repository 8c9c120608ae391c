/**
 * One process of the benches of load control: a node that carries a service (`callee`), or one that calls it (`caller`).
 * Argument: JSON of `CalleeSide` or `CallerSide`. A callee says "ready"; a caller prints JSON, a `Phase` a line.
 */
import { type BrokerOptions, ServiceBroker } from "moleculer";
import { createNodeBroker } from "../runtime/broker.ts";
import { JsonLogger } from "../runtime/logger.ts";
import { readSettings } from "../runtime/settings.ts";

export type Side = "azora" | "moleculer" | "bulkhead" | "latency" | "cpu-usage" | "bare";

export interface CalleeSide {
  role: "callee";
  side: Side;
  url: string;
  node: string;
  /** `slots`: waits `ms`, and only so many do at once, as for connections of a database; `loop`: computes for `ms`. */
  work: { kind: "slots"; ms: number; slots: number } | { kind: "loop"; ms: number } | { kind: "empty" };
  /** Every call fails at once. */
  failing?: boolean;
}

/**
 * With a `rate`, an open loop: so many calls a second come by chance, whether the ones before were answered or not. With
 * `callers`, a closed one: each of them makes its next call when the last one was answered.
 */
export type LoadPhase = { name: string; seconds: number } & ({ rate: number } | { callers: number });

export interface CallerSide {
  role: "caller";
  side: Side;
  url: string;
  nodes: number;
  phases: LoadPhase[];
  /** ms */
  timeout: number;
}

export interface Phase {
  name: string;
  offered: number;
  /** Answered in time, in a second. */
  goodput: number;
  /** Of the answered ones, ms. */
  p50: number;
  p99: number;
  /** By the error's type. */
  failed: Record<string, number>;
}

const given = JSON.parse(process.argv[2]!) as CalleeSide | CallerSide;
const broker = brokerOf(given.side, given.url, given.role === "callee" ? given.node : "caller");
if (given.role === "callee") await carry(given);
else await call(given);

function brokerOf(side: Side, url: string, nodeID: string): ServiceBroker {
  if (side === "azora") {
    const settings = readSettings({});
    const logger = new JsonLogger("fatal");
    const bus = { kind: "nats", url } as const;
    return createNodeBroker({ nodeId: nodeID, namespace: "bench", bus, settings, logger, metadata: {} }).broker;
  }
  const best: BrokerOptions = {
    requestTimeout: 10_000,
    metrics: { enabled: true },
    circuitBreaker: { enabled: true },
    bulkhead: {
      enabled: true,
      concurrency: side === "bulkhead" ? 16 : 1000,
      maxQueueSize: side === "bulkhead" ? 16 : 100_000,
    },
  };
  const strategies: Partial<Record<Side, string>> = { latency: "Latency", "cpu-usage": "CpuUsage" };
  return new ServiceBroker({
    nodeID,
    namespace: "bench",
    logger: false,
    serializer: "Notepack",
    transporter: url as never,
    registry: { strategy: strategies[side] ?? "RoundRobin" },
    ...(side === "bare" ? {} : best),
  });
}

async function carry({ work, failing }: CalleeSide): Promise<void> {
  const waiting: (() => void)[] = [];
  let free = work.kind === "slots" ? work.slots : 0;
  const handler = async (): Promise<number> => {
    if (failing) throw new Error("out of order");
    if (work.kind === "loop") for (const end = performance.now() + work.ms; performance.now() < end; );
    if (work.kind !== "slots") return 1;
    if (free > 0) free--;
    else await new Promise<void>((turn) => waiting.push(turn));
    await new Promise((done) => setTimeout(done, work.ms));
    const next = waiting.shift();
    if (next) next();
    else free++;
    return 1;
  };
  broker.createService({ name: "bench", actions: { work: handler } });
  await broker.start();
  process.on("SIGTERM", () => void broker.stop().then(() => process.exit(0)));
  console.log("ready");
}

async function call({ phases, timeout, nodes }: CallerSide): Promise<void> {
  await broker.start();
  await broker.waitForServices("bench");
  const endpoints = () =>
    (broker.registry.getActionEndpoints("bench.work") as unknown as { endpoints: unknown[] }).endpoints.length;
  while (endpoints() < nodes) await new Promise((done) => setTimeout(done, 50));
  // Moleculer's latency and CPU strategies measure before they know anything.
  await new Promise((done) => setTimeout(done, 1500));
  for (const phase of phases) console.log(JSON.stringify(await offer(phase, timeout)));
  process.exit(0);
}

async function offer(phase: LoadPhase, timeout: number): Promise<Phase> {
  const took: number[] = [];
  const failed: Record<string, number> = {};
  let offered = 0;
  const one = (): Promise<void> => {
    offered++;
    const sent = performance.now();
    return broker.call("bench.work", {}, { timeout }).then(
      () => void took.push(performance.now() - sent),
      (error: { type?: string; name: string }) => {
        const type = error.type ?? error.name;
        failed[type] = (failed[type] ?? 0) + 1;
      },
    );
  };
  const { name, seconds } = phase;
  const end = performance.now() + seconds * 1000;
  if ("rate" in phase) await openLoop(phase.rate, end, one);
  else await closedLoop(phase.callers, end, one);
  took.sort((a, b) => a - b);
  const inTime = took.filter((ms) => ms <= timeout).length;
  const at = (q: number) => took[Math.min(took.length - 1, Math.floor(took.length * q))] ?? 0;
  return { name, offered, goodput: inTime / seconds, p50: at(0.5), p99: at(0.99), failed };
}

async function openLoop(rate: number, end: number, one: () => Promise<void>): Promise<void> {
  const open = new Set<Promise<void>>();
  for (let next = performance.now(); next < end; ) {
    while (next <= performance.now()) {
      const call = one();
      open.add(call);
      void call.finally(() => open.delete(call));
      next += (-Math.log(1 - Math.random()) / rate) * 1000;
    }
    await new Promise((done) => setTimeout(done, 1));
  }
  await Promise.all(open);
}

async function closedLoop(callers: number, end: number, one: () => Promise<void>): Promise<void> {
  const caller = async () => {
    while (performance.now() < end) await one();
  };
  await Promise.all(Array.from({ length: callers }, caller));
}
