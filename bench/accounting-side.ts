/**
 * One side of the bench of accounting, in a process of its own: two nodes on Moleculer's transporter within a process, so
 * that what both of them do for a call is measured together. Prints µs per remote call. Argument: the side.
 */
import { type BrokerOptions, ServiceBroker } from "moleculer";
import { Accounting } from "../runtime/accounting/accounting.ts";
import type { NodeReport } from "../runtime/accounting/report.ts";
import type { Recorder } from "../runtime/record/recorder.ts";

const CALLS = 60_000;
const ROUNDS = 8;
const side = process.argv[2];

/** Takes the reports, which are one an epoch, and keeps nothing. */
let counted = 0;
const recorder = {
  durable: async (_type: string, { report }: { report: NodeReport }) => {
    for (const { calls } of [...report.sent, ...report.received]) counted += calls;
    return "";
  },
  on() {},
  stats: () => ({ waiting: { outbox: 0, memory: 0 } }),
} as unknown as Recorder;

function node(nodeID: string): ServiceBroker {
  const options: BrokerOptions = { nodeID, logger: false, transporter: "Fake", serializer: "Notepack" };
  const accounting = new Accounting();
  if (side === "bare") return new ServiceBroker(options);
  if (side === "ids alone") return new ServiceBroker({ ...options, uidGenerator: accounting.uidGenerator() });
  const broker = new ServiceBroker({
    ...options,
    metadata: accounting.metadata,
    uidGenerator: accounting.uidGenerator(),
    middlewares: [accounting.receiving(), accounting.sending()],
  });
  accounting.start(recorder);
  return broker;
}

const caller = node("caller");
const callee = node("callee");
callee.createService({ name: "empty", actions: { call: () => 1 } });
await Promise.all([caller.start(), callee.start()]);
await caller.waitForServices("empty");
await time();
const rounds: number[] = [];
for (let i = 0; i < ROUNDS; i++) rounds.push(await time());
await Promise.all([caller.stop(), callee.stop()]);
const expected = side === "accounted" ? 2 * CALLS * (ROUNDS + 1) : 0;
if (counted !== expected) throw new Error(`${counted} calls were counted, not ${expected}`);
// What disturbs a round only makes it longer.
console.log(Math.min(...rounds));
process.exit(0);

async function time(): Promise<number> {
  const start = process.cpuUsage();
  for (let i = 0; i < CALLS; i++) await caller.call("empty.call");
  const { user, system } = process.cpuUsage(start);
  return (user + system) / CALLS;
}
