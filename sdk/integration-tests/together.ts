import { randomUUID } from "node:crypto";
import { type IncidentFile, verifyIncident } from "../../tlog/incident/incident-file.ts";
import { parseVkey } from "../../tlog/keys.ts";
import { type Check, expect, until } from "./check.ts";
import { type Note, probes } from "./probes.ts";

/** From a service to the chain, and from there into its index. */
const ON_RECORD_MS = 15_000;

export const together: Check = {
  name: "together",
  about: "one request goes through gateway, service, store and chain, and is found everywhere by its id",
  async run(world) {
    await world.needsProbe();
    world.cleanup(() => world.probe(probes.clear(world.run)));
    const requestId = randomUUID();
    const note = await world.probe<Note>(probes.write(world.run, "together"), requestId);
    const incident = await until(
      world,
      `request ${requestId} in the chain`,
      async () => {
        const { status, body } = await world.ask<IncidentFile>(`/api/chain/incidents/${requestId}`);
        return status === 200 ? body : undefined;
      },
      ON_RECORD_MS,
    );
    const { keys } = await world.api<{ keys: { vkey: string }[] }>("/api/chain/keys");
    const { story } = verifyIncident(
      incident,
      keys.map(({ vkey }) => parseVkey(vkey)),
    );
    const written = story.find(({ entry }) => entry.eventType === "self-test.written");
    expect(written !== undefined, `its story has only ${story.map(({ words }) => words).join("; ")}`);
    const hasGateway = await world.hasGateway();
    if (hasGateway)
      await until(world, `request ${requestId} in the logs`, async () => {
        const lines = await world.api<unknown>(`/orchestrator/logs?requestId=${requestId}`);
        return JSON.stringify(lines).includes(requestId) ? true : undefined;
      });
    const way = hasGateway ? "gateway, service, store, chain and logs" : "service, store and chain";
    return `note ${note._id} went through ${way}; entry ${written.index} is proven`;
  },
};
