import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { Errors } from "moleculer";
import { AzoraError } from "../../../runtime/errors.ts";
import { VitalsRegistry, vitalsMiddleware } from "../../../runtime/vitals/action-vitals.ts";
import { LostCalls } from "../../../runtime/vitals/lost-calls.ts";
import { NodeVitals } from "../../../runtime/vitals/node-vitals.ts";
import { Room } from "../../../runtime/vitals/room.ts";

describe("a node's report", () => {
  let node: NodeVitals;
  afterEach(() => node.stop());

  test("tells of calls that were retried, refused and lost since the last one, and which breakers are open", () => {
    const failover = { retries: 2, holds: { refused: 1 }, lost: new LostCalls() };
    const states = [
      { caller: "a", callee: "b", node: "heart-1", state: "open" as const, failures: 3, since: 0, reason: "x" },
    ];
    const sources = { node: "heart-1", instanceId: "life-1", registry: new VitalsRegistry() };
    node = new NodeVitals({ ...sources, failover, breakers: { states: () => states } });
    failover.lost.note("ledger", "ledger.add", new Errors.RequestTimeoutError({ action: "ledger.add" } as never));
    expect(node.report()).toMatchObject({
      breakers: states,
      lost: [{ service: "ledger", count: 1 }],
      calls: { retries: 2, refusedHolds: 1 },
    });
    failover.retries = 5;
    expect(node.report()).toMatchObject({ lost: [], calls: { retries: 3, refusedHolds: 0 } });
  });

  test("tells which actions last as long as what they wait for", () => {
    const registry = new VitalsRegistry();
    node = new NodeVitals({ node: "heart-1", instanceId: "life-1", registry });
    const { localAction } = vitalsMiddleware(registry) as { localAction: (next: unknown, action: object) => unknown };
    const service = { fullName: "ledger" };
    for (const [name, timeout] of Object.entries({ "ledger.export": 0, "ledger.add": 500, "ledger.get": undefined }))
      localAction(() => Promise.resolve(), { name, service, timeout });
    for (const vitals of registry.actions.values()) vitals.latency.record(7);
    expect(node.report().actions.map(({ name, isUntimed }) => [name, isUntimed])).toEqual([
      ["ledger.export", true],
      ["ledger.add", undefined],
      ["ledger.get", undefined],
    ]);
  });

  test("tells how far the heap may grow", () => {
    node = new NodeVitals({ node: "heart-1", instanceId: "life-1", registry: new VitalsRegistry() });
    const { heapLimit, heapUsed, breakers, lost } = node.report();
    expect(heapLimit).toBeGreaterThan(heapUsed);
    expect([breakers, lost]).toEqual([[], []]);
  });
});

describe("the room that a process has", () => {
  test("is told of its open files and of the disk, also where the folder is not there yet", async () => {
    const folder = mkdtempSync(join(tmpdir(), "azora-room-"));
    const room = new Room(join(folder, "not", "there", "yet"));
    expect([room.files, room.disk]).toEqual([undefined, undefined]);
    await room.look();
    rmSync(folder, { recursive: true });
    expect(room.files!.open).toBeGreaterThan(2);
    expect(room.files!.limit).toBeGreaterThan(room.files!.open);
    expect(room.disk!.free).toBeGreaterThan(0);
    expect(room.disk!.total).toBeGreaterThan(room.disk!.free);
  });

  test("says nothing of a disk that nobody asked for", async () => {
    const room = new Room();
    await room.look();
    expect(room.disk).toBeUndefined();
  });
});

describe("calls that are lost for their caller", () => {
  const own = { action: "ledger.add" } as never;
  const lostBy = (error: unknown): number => {
    const lost = new LostCalls();
    lost.note("ledger", "ledger.add", error);
    return lost.take()[0]?.count ?? 0;
  };

  test.each<[string, unknown]>([
    ["a time-out", new Errors.RequestTimeoutError(own)],
    ["a node that was lost", new Errors.RequestRejectedError(own)],
    ["a service that is absent", new Errors.ServiceNotAvailableError(own)],
    ["an outcome that nobody knows", new AzoraError("OUTCOME_UNKNOWN", "?", own)],
    ["an open breaker", new AzoraError("CIRCUIT_OPEN", "open", own)],
    ["a quarantine", new AzoraError("SERVICE_QUARANTINED", "ill", own)],
    ["a request that was never sent", new AzoraError("SERVICE_UNAVAILABLE", "no socket", { neverSent: true })],
  ])("end by %s", (_what, error) => {
    expect(lostBy(error)).toBe(1);
  });

  test.each<[string, unknown]>([
    ["an error of the service", new Error("no such table")],
    ["a client's mistake", new Errors.ValidationError("wrong")],
    ["a deeper call that timed out", new Errors.RequestTimeoutError({ action: "vault.open" } as never)],
    ["nothing", undefined],
  ])("do not end by %s", (_what, error) => {
    expect(lostBy(error)).toBe(0);
  });

  test("are counted once, in however many places their error is seen", () => {
    const lost = new LostCalls();
    const error = new Errors.ServiceNotFoundError(own);
    lost.noteAbsent("ledger.add", error);
    lost.note("ledger", "ledger.add", error);
    expect(lost.take()).toEqual([{ service: "ledger", count: 1 }]);
    expect(lost.take()).toEqual([]);
  });

  test("are not those of node hosts, nor questions after someone's health", () => {
    const lost = new LostCalls();
    for (const action of ["node-host.load", "$node.health", "ledger.health", "ledger"])
      lost.noteAbsent(action, new Errors.ServiceNotFoundError({ action } as never));
    expect(lost.take()).toEqual([]);
  });

  test("of very many services are counted together", () => {
    const lost = new LostCalls();
    for (let i = 0; i < 1100; i++)
      lost.noteAbsent(`s${i}.x`, new Errors.ServiceNotFoundError({ action: `s${i}.x` } as never));
    const taken = lost.take();
    expect(taken).toHaveLength(1001);
    expect(taken.at(-1)).toEqual({ service: "(others)", count: 100 });
  });
});
