import { describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { PacketIdReader } from "../../../runtime/accounting/packet-id.ts";
import {
  AccountingSimulation,
  CHAIN_NODE,
  random,
  type SimulationFaults,
} from "../../support/accounting-simulation.ts";

const NODES = ["heart-1", "lungs-1", "brain-1", CHAIN_NODE];
const RUN_MS = 45_000;
/** Until everything is settled. */
const REST_MS = 120_000;
const RUNS = { numRuns: 15 };
jest.setTimeout(60_000);

function world(faults: SimulationFaults = {}, offsets: number[] = []): AccountingSimulation {
  const made = new AccountingSimulation(faults);
  for (const [i, id] of NODES.entries()) made.start(id, { clockOffset: offsets[i] ?? 0 });
  return made;
}

/** Calls, events and records of everybody. */
function traffic(simulation: AccountingSimulation, pick: (below: number) => number): void {
  for (const node of simulation.nodes.values()) {
    for (let i = pick(4); i > 0; i--) {
      const others = NODES.filter((id) => id !== node.nodeID && simulation.nodes.has(id));
      const to = others[pick(others.length)];
      if (to) node.send(to, pick(3) === 0 ? "EVENT" : "REQ");
    }
    if (pick(5) === 0) node.record("shop.sold", { price: 1 }, pick(2) === 0 ? "durable" : "best-effort");
  }
}

function alarms(simulation: AccountingSimulation) {
  const { missing, extra, gaps } = simulation.reconciler.report();
  return { missing, extra, gaps };
}

const NONE = { calls: 0, events: 0, entries: 0, reports: 0 };
const NO_ALARM = { missing: NONE, extra: NONE, gaps: [] };

/** `{"heart-1 lungs-1 179000000": 2}` */
function tally(items: { from: string; to: string; epoch: number; count: number }[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { from, to, epoch, count } of items)
    sums[`${from} ${to} ${epoch}`] = (sums[`${from} ${to} ${epoch}`] ?? 0) + count;
  return Object.fromEntries(Object.entries(sums).sort());
}

function epochOfId(id: string): number {
  const reader = new PacketIdReader();
  expect(reader.read(id)).toBe(true);
  return reader.epoch;
}

describe("completeness", () => {
  test("what arrives is matched on both sides, and everything is accounted for", async () => {
    const simulation = world();
    const pick = random(1);
    let sent = 0;
    let recorded = 0;
    await simulation.run(RUN_MS, () => {
      simulation.nodes.get("heart-1")!.send("lungs-1");
      simulation.nodes.get("heart-1")!.send("brain-1", "EVENT");
      if (pick(2)) simulation.nodes.get("brain-1")!.record("shop.sold", {}, "best-effort");
      else simulation.nodes.get("brain-1")!.record("user.created", {}, "durable");
      sent++;
      recorded++;
    });
    await simulation.run(REST_MS);
    const report = simulation.reconciler.report();
    expect(report).toMatchObject({ ...NO_ALARM, open: [], declared: NONE });
    expect(report.matched).toEqual({ calls: sent, events: sent, entries: recorded, reports: 0 });
  });

  test("where nothing happens, nothing is logged", async () => {
    const simulation = world();
    await simulation.run(RUN_MS);
    expect(simulation.log).toEqual([]);
    simulation.nodes.get("heart-1")!.send("lungs-1");
    await simulation.run(REST_MS);
    const { length } = simulation.log;
    await simulation.run(REST_MS);
    expect(simulation.log.map(({ eventType }) => eventType)).toEqual([
      "accounting.node",
      "accounting.node",
      "accounting.verdict",
    ]);
    expect(simulation.log).toHaveLength(length);
  });

  test("each packet and record that is dropped at the source, on the bus and on disk is located with both nodes and the epoch", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0 }), fc.integer({ min: 1, max: 25 }), async (seed, drops) => {
        const pick = random(seed);
        const lost: { from: string; to: string; epoch: number; count: number }[] = [];
        const loses = (place: number) => (packet: { target: string; payload: { id: string; sender: string } }) => {
          if (lost.length >= drops || pick(40) !== place) return false;
          lost.push({ from: packet.payload.sender, to: packet.target, epoch: epochOfId(packet.payload.id), count: 1 });
          return true;
        };
        const simulation = world({
          losesAtSource: loses(0),
          losesOnBus: loses(1),
          losesOnDisk({ eventType, data }) {
            if (eventType.startsWith("accounting.") || lost.length >= drops || pick(20) > 0) return false;
            const { node, epoch } = data["source"] as { node: string; epoch: number };
            lost.push({ from: node, to: CHAIN_NODE, epoch, count: 1 });
            return true;
          },
        });
        await simulation.run(RUN_MS, () => traffic(simulation, pick));
        await simulation.run(REST_MS);
        const { gaps, extra, declared, open } = simulation.reconciler.report();
        const found = gaps.map(({ from, to, epoch, calls = 0, events = 0, entries = 0 }) => ({
          from,
          to,
          epoch,
          count: calls + events + entries,
        }));
        expect(tally(found)).toEqual(tally(lost));
        expect({ extra, declared, open }).toEqual({ extra: NONE, declared: NONE, open: [] });
      }),
      RUNS,
    );
  });

  test("no false alarm when packets come twice, late or out of order, and clocks differ", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0 }),
        fc.array(fc.integer({ min: -3_600_000, max: 3_600_000 }), { minLength: 4, maxLength: 4 }),
        async (seed, offsets) => {
          const pick = random(seed);
          const copies = () =>
            Array.from({ length: 1 + pick(3) }, () => ({ delay: pick(20) === 0 ? pick(12_000) : pick(100) }));
          const simulation = world({ copies }, offsets);
          await simulation.run(RUN_MS, () => traffic(simulation, pick));
          await simulation.run(REST_MS);
          expect(alarms(simulation)).toEqual(NO_ALARM);
          expect(simulation.reconciler.report()).toMatchObject({ declared: NONE, open: [] });
        },
      ),
      RUNS,
    );
  });

  test("no false alarm when nodes are killed, stopped and started again, and the chain with them", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0 }), async (seed) => {
        const pick = random(seed);
        const simulation = world();
        const down = new Set<string>();
        const upset = () => {
          traffic(simulation, pick);
          if (pick(25) > 0) return;
          const id = NODES[pick(NODES.length)]!;
          if (down.delete(id)) {
            simulation.start(id);
            if (id === CHAIN_NODE) simulation.restartChain();
          } else if (pick(2) === 0) {
            simulation.kill(id);
            down.add(id);
          } else {
            void simulation.stop(id);
            down.add(id);
          }
        };
        await simulation.run(RUN_MS, upset);
        for (const id of down) {
          simulation.start(id);
          if (id === CHAIN_NODE) simulation.restartChain();
        }
        await simulation.run(RUN_MS / 3, () => traffic(simulation, pick));
        await simulation.run(2 * REST_MS);
        expect(alarms(simulation)).toEqual(NO_ALARM);
        expect(simulation.reconciler.report().open).toEqual([]);
      }),
      RUNS,
    );
  });

  test("a partition postpones the verdict until the reports come, and gives no alarm", async () => {
    let cut = "";
    const simulation = world({ reaches: (node) => node !== cut });
    const pick = random(7);
    await simulation.run(15_000, () => traffic(simulation, pick));
    cut = "heart-1";
    await simulation.run(200_000, () => traffic(simulation, pick));
    expect(alarms(simulation)).toEqual(NO_ALARM);
    expect(simulation.reconciler.report().open.length).toBeGreaterThan(10);
    cut = "";
    await simulation.run(REST_MS);
    expect(alarms(simulation)).toEqual(NO_ALARM);
    expect(simulation.reconciler.report()).toMatchObject({ declared: NONE, open: [] });
  });

  test("a node that was thought to be dead and was only out of reach is matched after all", async () => {
    let cut = "";
    const simulation = world({ reaches: (node) => node !== cut });
    const pick = random(8);
    await simulation.run(15_000, () => traffic(simulation, pick));
    cut = "heart-1";
    simulation.reconciler.nodeDown("heart-1", simulation.nodes.get("heart-1")!.instanceID, simulation.clock.now());
    await simulation.run(120_000, () => traffic(simulation, pick));
    expect(alarms(simulation)).toEqual(NO_ALARM);
    cut = "";
    await simulation.run(REST_MS);
    expect(alarms(simulation)).toEqual(NO_ALARM);
    expect(simulation.reconciler.report()).toMatchObject({ declared: NONE, open: [] });
  });

  test("an open epoch of a killed node is declared, with the node and the reason", async () => {
    const simulation = world();
    await simulation.run(14_000, () => simulation.nodes.get("heart-1")!.send("lungs-1"));
    simulation.kill("lungs-1");
    await simulation.run(1000);
    simulation.start("lungs-1");
    await simulation.run(10_000, () => simulation.nodes.get("heart-1")!.send("lungs-1"));
    await simulation.run(2 * REST_MS);
    const { declarations, declared, ...report } = simulation.reconciler.report();
    expect(report).toMatchObject({ ...NO_ALARM, open: [] });
    expect(declared.calls).toBeGreaterThan(0);
    for (const { from, to, why } of declarations)
      expect({ from, to, why }).toEqual({ from: "heart-1", to: "lungs-1", why: expect.stringContaining("lungs-1 w") });
    expect(simulation.log.filter(({ eventType }) => eventType === "accounting.declared")).toHaveLength(1);
  });

  test("what is lost while a node is without the bus is declared", async () => {
    let isCut = false;
    const simulation = world({ losesOnBus: ({ payload }) => isCut && payload.sender === "heart-1" });
    const heart = simulation.nodes.get("heart-1")!;
    const act = () => {
      heart.send("lungs-1");
      heart.send("brain-1", "EVENT");
    };
    await simulation.run(12_000, act);
    isCut = true;
    heart.localBus.emit("$transporter.lost", {});
    await simulation.run(3000, act);
    isCut = false;
    heart.localBus.emit("$transporter.connected", { wasReconnect: true });
    await simulation.run(10_000, act);
    await simulation.run(REST_MS);
    const { declarations, declared } = simulation.reconciler.report();
    expect(alarms(simulation)).toEqual(NO_ALARM);
    expect(declared).toMatchObject({ calls: 15, events: 15 });
    expect(new Set(declarations.map(({ why }) => why))).toEqual(new Set(["the bus was interrupted for heart-1"]));
  });

  test("a report that is removed shows by its number", async () => {
    let removed = 0;
    const simulation = world({
      losesOnDisk({ eventType, data }) {
        const report = (data["payload"] as { report?: { node: string; number: number } }).report;
        return eventType === "accounting.node" && report?.node === "heart-1" && report.number === 2 && ++removed > 0;
      },
    });
    await simulation.run(RUN_MS, () => simulation.nodes.get("heart-1")!.send("lungs-1"));
    await simulation.run(REST_MS);
    expect(removed).toBe(1);
    const { gaps } = simulation.reconciler.report();
    expect(gaps).toContainEqual(
      expect.objectContaining({
        kind: "missing",
        from: "heart-1",
        reports: 1,
        why: expect.stringContaining("report 2 of heart-1"),
      }),
    );
    // What it had said of its calls is missing with it.
    expect(gaps).toContainEqual(expect.objectContaining({ kind: "extra", from: "heart-1", to: "lungs-1" }));
  });

  test("a report that somebody has altered, or given in another's name, is not believed", async () => {
    const simulation = world();
    await simulation.run(25_000, () => simulation.nodes.get("heart-1")!.send("lungs-1"));
    const honest = simulation.log.find(
      ({ eventType, data }) =>
        eventType === "accounting.node" && (data["source"] as { node: string }).node === "heart-1",
    )!;
    const altered = structuredClone(honest.data) as { payload: { report: { number: number } } };
    altered.payload.report.number = 3;
    simulation.append({ key: "altered", eventType: "accounting.node", data: altered as never });
    const foreign = structuredClone(honest.data) as { source: { node: string } };
    foreign.source.node = "brain-1";
    simulation.append({ key: "foreign", eventType: "accounting.node", data: foreign as never });
    await simulation.run(REST_MS);
    const { gaps } = simulation.reconciler.report();
    expect(gaps.map(({ why }) => why).sort()).toEqual([
      "a report in its name came from brain-1",
      "a report's signature does not verify",
    ]);
  });

  test("a chain that begins anew from its last verdict comes to the same numbers", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0 }), async (seed) => {
        const pick = random(seed);
        let dropped = 0;
        const simulation = world({ losesOnBus: () => pick(100) === 0 && ++dropped > 0 });
        await simulation.run(30_000 + pick(20_000), () => traffic(simulation, pick));
        for (let i = 0; i < 3; i++) {
          simulation.restartChain();
          await simulation.run(5000 + pick(40_000), () => traffic(simulation, pick));
        }
        await simulation.run(REST_MS);
        const { missing, extra, declared, open } = simulation.reconciler.report();
        expect(missing.calls + missing.events).toBe(dropped);
        expect({ extra, declared, open }).toEqual({ extra: NONE, declared: NONE, open: [] });
      }),
      RUNS,
    );
  });

  test("what comes after it was called missing is no gap any longer", async () => {
    let held = 0;
    const simulation = world({ copies: () => [{ delay: held++ === 5 ? 70_000 : 10 }] });
    await simulation.run(20_000, () => simulation.nodes.get("heart-1")!.send("lungs-1"));
    await simulation.run(45_000);
    expect(alarms(simulation).gaps).toHaveLength(1);
    await simulation.run(REST_MS);
    expect(alarms(simulation)).toEqual(NO_ALARM);
  });
});

test("what was pruned from the log before it was settled is declared, and gives no alarm", async () => {
  const simulation = world();
  const pick = random(3);
  await simulation.run(14_000, () => traffic(simulation, pick));
  const reconciler = simulation.newReconciler();
  // Of the four reports of the first epoch two are left.
  const from = simulation.log.filter(({ eventType }) => eventType === "accounting.node")[2]!.index;
  reconciler.resume(undefined, from);
  for (const entry of simulation.log.slice(from)) reconciler.entry(entry);
  simulation.reconciler = reconciler;
  await simulation.run(20_000, () => traffic(simulation, pick));
  await simulation.run(REST_MS);
  expect(alarms(simulation)).toEqual(NO_ALARM);
  const { declarations, open } = simulation.reconciler.report();
  expect(new Set(declarations.map(({ why }) => why))).toEqual(
    new Set(["told when its account was closed already, or while the chain began anew"]),
  );
  expect(open).toEqual([]);
});

test("what a killed node has left on its disk may come after hours, and gives no alarm", async () => {
  let cut = false;
  const simulation = world({ reaches: (node) => !cut || node !== "heart-1" });
  const pick = random(4);
  await simulation.run(25_000, () => traffic(simulation, pick));
  cut = true;
  await simulation.run(25_000, () => traffic(simulation, pick));
  const disk = simulation.nodes.get("heart-1")!.disk;
  simulation.kill("heart-1");
  simulation.left.pop();
  cut = false;
  simulation.start("heart-1");
  await simulation.run(25_000, () => traffic(simulation, pick));
  await simulation.run(600_000, undefined, 1000);
  const early = simulation.reconciler.report();
  // Nobody knows yet that the outbox will be delivered: entries that stood in it are missing.
  expect({ calls: early.missing.calls, extra: early.extra, open: early.open }).toEqual({
    calls: 0,
    extra: NONE,
    open: [],
  });
  expect(early.declared.calls).toBeGreaterThan(0);
  const halves = [disk.splice(0, disk.length / 2), disk];
  simulation.left.push(halves[0]!);
  await simulation.run(600_000, undefined, 1000);
  expect(simulation.reconciler.report().extra).toEqual(NONE);
  await simulation.run(3 * 3_600_000, undefined, 5000);
  simulation.left.push(halves[1]!);
  await simulation.run(600_000, undefined, 1000);
  const late = simulation.reconciler.report();
  expect({ calls: late.missing.calls, extra: late.extra, open: late.open }).toEqual({
    calls: 0,
    extra: NONE,
    open: [],
  });
});
