import { OrganismError } from "../organism-link.ts";
import { type Check, expect, until } from "./check.ts";
import { probes } from "./probes.ts";
import type { World } from "./world.ts";

interface Instances {
  status: string;
  instances: { incarnation: number }[];
}

const CALLERS = 4;
const EVERY_MS = 5;
/** For so long is called before and after the restart. */
const AROUND_MS = 200;
const LONGEST_HOLD_MS = 1000;
/** Types of Moleculer's errors; over HTTP there are only codes, and nothing is tried again. */
const NEVER_SENT: ReadonlySet<unknown> = new Set(["SERVICE_NOT_FOUND", "SERVICE_NOT_AVAILABLE"]);

export const failure: Check = {
  name: "failure",
  about: "calls outlast the restart of their service, and a call that must fail is refused as it should be",
  async run(world) {
    await world.needsProbe();
    const before = await world.api<Instances>("/orchestrator/services/self-test");
    const ended = new AbortController();
    const calls = callUntil(world, ended.signal);
    // Where the restart itself fails, nobody asks how the calls ended.
    calls.catch(() => {});
    try {
      await world.pause(AROUND_MS);
      await world.api("/orchestrator/restart/self-test", { method: "POST", timeout: 60_000 });
      await world.pause(AROUND_MS);
    } finally {
      ended.abort();
    }
    const { answered, failed, slowest } = await calls;
    expect(failed.length === 0, `${failed.length} of ${answered + failed.length} calls failed meanwhile: ${failed[0]}`);
    const life = ({ instances }: Instances) => Math.max(0, ...instances.map(({ incarnation }) => incarnation));
    await until(world, "self-test healthy in a new life", async () => {
      const now = await world.api<Instances>("/orchestrator/services/self-test");
      return now.status === "healthy" && life(now) > life(before) ? true : undefined;
    });
    await refusedWell(world);
    const { status, why } = await world.api<{ status: string; why: string }>("/orchestrator/status");
    expect(status !== "critical", `the organism is critical now: ${why}`);
    return `${answered} calls over a restart, none lost, the slowest ${Math.round(slowest)} ms; a refusal came with its code`;
  },
};

/** Some callers, each with one call at a time, until they are told to end. */
async function callUntil(world: World, ended: AbortSignal) {
  const failed: string[] = [];
  let answered = 0;
  let slowest = 0;
  const caller = async () => {
    while (!ended.aborted) {
      const start = performance.now();
      try {
        await heldCall(world);
        answered++;
        slowest = Math.max(slowest, performance.now() - start);
      } catch (error) {
        failed.push((error as Error).message);
      }
      await world.pause(EVERY_MS);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return { answered, failed, slowest };
}

/** A node holds calls while their service is being restarted. A guest on the bus is not told of that, and waits by himself. */
async function heldCall(world: World): Promise<void> {
  const end = performance.now() + LONGEST_HOLD_MS;
  for (;;) {
    try {
      await world.probe(probes.echo(world.run));
      return;
    } catch (error) {
      const neverSent = NEVER_SENT.has((error as { type?: unknown }).type);
      if (!neverSent || performance.now() > end) throw error;
      await world.pause(EVERY_MS);
    }
  }
}

/** As problem documents: with a code, the request's id, and nothing of the inside. */
async function refusedWell(world: World): Promise<void> {
  if (!(await world.hasGateway())) {
    const error = (await world.probe(probes.refuse()).catch((refusal: unknown) => refusal)) as { type?: string };
    expect(error?.type === "CONFLICT", `a refused call gave ${JSON.stringify(error)}`);
    return;
  }
  const requestId = world.run;
  const refused = await world.edge("/api/self-test/refuse", { method: "POST", body: {}, requestId });
  expect(refused.status === 409, `a refused call was answered with ${refused.status}`);
  expect(refused.body["code"] === "CONFLICT", `a refused call has the code ${refused.body["code"]}`);
  expect(refused.body["requestId"] === requestId, "a refused call does not say which request it was");
  expect(!("stack" in refused.body), "a refused call shows the inside of the service");
  const unknown = await world.edge("/api/self-test/nowhere");
  expect(unknown.status === 404 && unknown.body["code"] === "NOT_FOUND", `an unknown route gave ${unknown.status}`);
  const wrong = await world.edge("/api/self-test/notes", { method: "POST", body: { run: world.run } });
  expect(wrong.status === 422, `a body without a field that is needed was answered with ${wrong.status}`);
  const stranger = await world.edge("/api/self-test/refuse", { method: "POST", body: {}, anonymous: true });
  expect(stranger.status === 401, `who has no token was answered with ${stranger.status}`);
  const meant = await world.probe(probes.read("no-such-note")).catch((error: unknown) => error);
  expect(meant instanceof OrganismError && meant.code === "NOT_FOUND", "a note that is not there was found");
}
