import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { encodeJson, FRAME, MAX_FRAME_BYTES } from "../../../runtime/mesh/frame.ts";
import { Mesh, type PeerHello, socketPath } from "../../../runtime/mesh/mesh.ts";
import { ownIdentity } from "../../../runtime/process-identity.ts";

let folder: string;
const meshes: Mesh[] = [];
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "azora-mesh-"));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await Promise.all(meshes.splice(0).map((mesh) => mesh.close()));
  rmSync(folder, { recursive: true });
});

interface Seen {
  mesh: Mesh;
  events: string[];
}

function member(id: string, instanceId = "1", role: PeerHello["role"] = "node"): Seen {
  const mesh = new Mesh({ folder, hello: { id, role, instanceId, ...ownIdentity() }, beatEvery: 20, hangAfter: 500 });
  const events: string[] = [];
  mesh.on("up", (peer) => events.push(`up ${peer.id} ${peer.instanceId}`));
  mesh.on("down", (peer, reason) => events.push(`down ${peer.id} ${peer.instanceId} ${reason}`));
  mesh.on("hung", (peer) => events.push(`hung ${peer.id}`));
  mesh.on("back", (peer) => events.push(`back ${peer.id}`));
  return { mesh, events };
}

async function started(id: string, instanceId?: string): Promise<Seen> {
  const seen = member(id, instanceId);
  meshes.push(seen.mesh);
  await seen.mesh.start();
  return seen;
}

async function child(id: string, instanceId = "1"): Promise<ChildProcess> {
  const args = [
    "--disable-warning=ExperimentalWarning",
    join(import.meta.dirname, "mesh-process.ts"),
    folder,
    id,
    instanceId,
  ];
  const process_ = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  children.push(process_);
  await once(process_.stdout!, "data");
  return process_;
}

async function until(what: string, condition: () => boolean, ms = 15_000): Promise<void> {
  const end = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await sleep(2);
  }
}

describe("members of the mesh", () => {
  test("know each other both ways when the later one has started", async () => {
    const a = await started("a");
    const b = await started("b");
    expect(b.mesh.peer("a")).toMatchObject({ id: "a", role: "node", instanceId: "1", pid: process.pid });
    await until("a knows b", () => a.mesh.peer("b") !== undefined);
    expect([a.events, b.events]).toEqual([["up b 1"], ["up a 1"]]);
  });

  test("that dial each other at the same moment meet once", async () => {
    const all = await Promise.all(["a", "b", "c", "d"].map((id) => started(id)));
    await until("all know all", () => all.every(({ mesh }) => mesh.peers().length === 3));
    await sleep(50);
    for (const { events } of all) expect(events.filter((event) => event.startsWith("up"))).toHaveLength(3);
    for (const { events } of all) expect(events.some((event) => event.startsWith("down"))).toBe(false);
  });

  test("keep their folder and its sockets to their user, and take their socket away", async () => {
    const a = await started("a");
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    await a.mesh.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  test("start at once beside a socket that a dead one left", async () => {
    const dead = await child("dead");
    dead.kill("SIGKILL");
    await once(dead, "exit");
    expect(readdirSync(folder)).toEqual(["dead.sock"]);
    const since = Date.now();
    const a = await started("a");
    expect(Date.now() - since).toBeLessThan(1000);
    expect(a.mesh.peers()).toEqual([]);
  });

  test("get messages and packets in the order in which they were sent, from both ends at once", async () => {
    const [a, b] = await Promise.all([started("a"), started("b")]);
    await until("both know", () => a.mesh.peer("b") !== undefined && b.mesh.peer("a") !== undefined);
    const got: Record<string, string[]> = { a: [], b: [] };
    for (const [id, { mesh }] of [
      ["a", a],
      ["b", b],
    ] as const) {
      mesh.on("message", (_peer, message) => got[id]!.push(`m${message["n"]}`));
      mesh.on("packet", (command, payload) => got[id]!.push(`${command}${payload}`));
    }
    const expected: string[] = [];
    for (let n = 0; n < 500; n++) {
      a.mesh.send("b", "count", { n });
      b.mesh.send("a", "count", { n });
      a.mesh.sendPacket("b", "P", Buffer.from(String(n)));
      b.mesh.sendPacket("a", "P", Buffer.from(String(n)));
      expected.push(`m${n}`, `P${n}`);
      if (n % 50 === 0) await sleep(1);
    }
    await until("all came", () => got["a"]!.length === 1000 && got["b"]!.length === 1000);
    expect(got).toEqual({ a: expected, b: expected });
  });

  test("broadcast packets of the bus to all but the spine", async () => {
    const a = await started("a");
    const spine = member("spine", "1", "spine");
    const b = await started("b");
    meshes.push(spine.mesh);
    await spine.mesh.start();
    await until("a knows both", () => a.mesh.peers().length === 2);
    const got: string[] = [];
    for (const { mesh } of [spine, b]) {
      mesh.on("packet", (command) => got.push(`${mesh.self.id} ${command}`));
      mesh.on("message", (_peer, { type }) => got.push(`${mesh.self.id} ${type}`));
    }
    a.mesh.broadcastPacket("INFO", Buffer.from("x"));
    a.mesh.broadcast("news");
    await until("all came", () => got.length === 3);
    expect(got.sort()).toEqual(["b INFO", "b news", "spine news"]);
  });

  test("send nothing to whom they do not know", async () => {
    const a = await started("a");
    expect([
      a.mesh.send("nobody", "x"),
      a.mesh.sendPacket("nobody", "X", Buffer.alloc(1)),
      a.mesh.send("a", "x"),
    ]).toEqual([false, false, false]);
  });
});

describe("the end of a member", () => {
  test("that was killed is told once, as lost, within milliseconds", async () => {
    const a = await started("a");
    const victim = await child("victim");
    await until("it is there", () => a.mesh.peer("victim") !== undefined);
    victim.kill("SIGKILL");
    const since = performance.now();
    await until("it is gone", () => a.events.length === 2);
    expect(performance.now() - since).toBeLessThan(1500);
    await sleep(60);
    expect(a.events).toEqual(["up victim 1", "down victim 1 lost"]);
    expect(a.mesh.peer("victim")).toBeUndefined();
  });

  test("that left by itself is told once, as a good-bye", async () => {
    const a = await started("a");
    const guest = await child("guest");
    await until("it is there", () => a.mesh.peer("guest") !== undefined);
    a.mesh.send("guest", "close");
    expect(await once(guest, "exit")).toEqual([0, null]);
    await until("it is gone", () => a.events.length === 2);
    expect(a.events).toEqual(["up guest 1", "down guest 1 bye"]);
  });

  test("is told before its new life, where that comes before the old socket closed", async () => {
    const a = await started("a");
    const hello = (instanceId: string) =>
      encodeJson(FRAME.hello, { id: "b", role: "node", instanceId, ...ownIdentity() });
    const dial = (instanceId: string) => {
      const socket = connect(socketPath(folder, "a"));
      socket.on("error", () => {});
      socket.write(hello(instanceId));
      return socket;
    };
    const old = dial("old");
    await until("the old one is there", () => a.mesh.peer("b")?.instanceId === "old");
    const young = dial("new");
    await until("the new one is there", () => a.mesh.peer("b")?.instanceId === "new");
    expect(a.events).toEqual(["up b old", "down b old lost", "up b new"]);
    old.destroy();
    await sleep(30);
    expect(a.events).toHaveLength(3);
    young.destroy();
    await until("it is gone", () => a.events.length === 4);
  });

  test("does not keep us from closing, though its replaced socket is still open", async () => {
    const { mesh } = await started("a");
    for (const instanceId of ["old", "new"]) {
      const socket = connect(socketPath(folder, "a"));
      socket.on("error", () => {});
      socket.write(encodeJson(FRAME.hello, { id: "b", role: "node", instanceId, ...ownIdentity() }));
      await until("it is there", () => mesh.peer("b")?.instanceId === instanceId);
    }
    const closed = await Promise.race([mesh.close().then(() => true), sleep(4000, false, { ref: false })]);
    expect(closed).toBe(true);
  });
});

describe("a member that hangs", () => {
  test("is told as hung, and as back when it goes on", async () => {
    const a = await started("a");
    const sleeper = await child("sleeper");
    await until("it is there", () => a.mesh.peer("sleeper") !== undefined);
    sleeper.kill("SIGSTOP");
    await until("it hangs", () => a.events.includes("hung sleeper"));
    await sleep(250);
    sleeper.kill("SIGCONT");
    await until("it is back", () => a.events.includes("back sleeper"));
    expect(a.events).toEqual(["up sleeper 1", "hung sleeper", "back sleeper"]);
  });

  test("is not told as hung while it is silent as it said it would be, and afterwards it is", async () => {
    const a = await started("a");
    const sleeper = await child("sleeper");
    await until("it is there", () => a.mesh.peer("sleeper") !== undefined);
    a.mesh.send("sleeper", "announce", { ms: 2500 });
    const echoed = once(a.mesh, "message");
    a.mesh.send("sleeper", "echo", { text: "announced" });
    await echoed;
    sleeper.kill("SIGSTOP");
    await sleep(1000);
    expect(a.events).toEqual(["up sleeper 1"]);
    await until("it hangs", () => a.events.includes("hung sleeper"));
    sleeper.kill("SIGCONT");
    await until("it is back", () => a.events.includes("back sleeper"));
  });

  test("is not told as hung by one that was away himself", async () => {
    const a = await started("a");
    await child("sleeper");
    await until("it is there", () => a.mesh.peer("sleeper") !== undefined);
    const end = Date.now() + 1200;
    while (Date.now() < end);
    await sleep(100);
    expect(a.events).toEqual(["up sleeper 1"]);
  });

  test("while another one starts is met as soon as it goes on", async () => {
    const busy = await child("busy");
    busy.kill("SIGSTOP");
    const a = await started("a");
    expect(a.mesh.peers()).toEqual([]);
    busy.kill("SIGCONT");
    await until("it is met", () => a.mesh.peer("busy") !== undefined);
    const echoed = once(a.mesh, "message");
    a.mesh.send("busy", "echo", { text: "there" });
    expect((await echoed)[1]).toMatchObject({ type: "echoed", text: "there" });
    await sleep(50);
    expect(a.events).toEqual(["up busy 1"]);
  });

  test("is sent no more than a bounded number of bytes, and does not keep us from closing", async () => {
    const { mesh } = await started("a");
    const sleeper = await child("sleeper");
    await until("it is there", () => mesh.peer("sleeper") !== undefined);
    sleeper.kill("SIGSTOP");
    const payload = Buffer.alloc(8 * 1024 * 1024);
    let sent = 0;
    while (sent < 40 && mesh.sendPacket("sleeper", "X", payload)) sent++;
    expect(sent * 8).toBeGreaterThanOrEqual(64);
    expect(sent * 8).toBeLessThanOrEqual(64 + 2 * 8);
    expect(await Promise.race([mesh.close().then(() => true), sleep(4000, false, { ref: false })])).toBe(true);
  });
});

describe("what is wrong on a socket", () => {
  test("ends that socket only", async () => {
    const a = await started("a");
    const b = await started("b");
    const bad = connect(socketPath(folder, "a"));
    bad.on("error", () => {});
    bad.resume();
    bad.write(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
    await once(bad, "close");
    await until("b is still there", () => a.mesh.peer("b") !== undefined);
    const got = once(b.mesh, "message");
    a.mesh.send("b", "hello");
    expect((await got)[1]).toMatchObject({ type: "hello" });
  });

  test("is not sent: a packet that is too large is refused, and nobody is lost for it", async () => {
    const [a, b] = [await started("a"), await started("b")];
    await until("a knows b", () => a.mesh.peer("b") !== undefined);
    expect(a.mesh.sendPacket("b", "X", Buffer.alloc(MAX_FRAME_BYTES))).toBe(false);
    await sleep(30);
    expect(a.mesh.send("b", "still here")).toBe(true);
    expect([a.events, b.events]).toEqual([["up b 1"], ["up a 1"]]);
  });
});
