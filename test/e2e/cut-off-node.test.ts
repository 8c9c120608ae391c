import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { ORGANS_FIXTURE, TestOrganism } from "../support/organism.ts";

jest.setTimeout(90_000);

const NODE = "stomach-1";

/** Its sockets to the others are open and it beats, so the mesh finds nothing wrong with it. */
describe("a node that lives, but that nobody reaches over the bus", () => {
  let organism: TestOrganism;
  beforeAll(async () => {
    organism = await TestOrganism.create({ AZORA_CHAOS: "on" });
    await organism.up(ORGANS_FIXTURE);
    await organism.untilHealthy();
  });
  afterAll(() => organism.down());

  it("is found by the answers that do not come, confirmed by two others, and started again", async () => {
    const guest = await organism.join();
    // The node asks it whether it may break something. Only the one of this test is to be asked, as it says yes.
    expect((await organism.post("/orchestrator/stop/chaos-monkey")).status).toBe(200);
    const heard: { id: string; confirmedBy: string[] }[] = [];
    guest.createService({
      name: "chaos-monkey",
      actions: { confirm: () => true },
      events: {
        "health.node.unreachable"(ctx: { params: (typeof heard)[number] }) {
          heard.push(ctx.params);
        },
      },
    });
    const { nodes } = await organism.status();
    for (const { id } of nodes.filter(({ id }) => id !== NODE)) await deafen(id);
    const before = nodes.find(({ id }) => id === NODE)!.incarnation;
    const after = await organism.until(
      `${NODE} started again`,
      ({ nodes, healing }) =>
        healing.some(({ target, success }) => target.node === NODE && success) &&
        nodes.some(({ id, incarnation, status }) => id === NODE && incarnation > before && status === "up"),
      40_000,
    );
    expect(heard.map(({ id, confirmedBy }) => [id, confirmedBy.length])).toEqual([[NODE, 2]]);
    expect(after.healing.find(({ target }) => target.node === NODE)).toMatchObject({
      target: { node: NODE },
      failure: "unreachable",
      success: true,
    });

    /** What comes from the peer gets lost on its way to the node, as soon as that has heard of the monkey to ask. */
    async function deafen(peer: string): Promise<void> {
      const fault = { kind: "drop-messages", peer, share: 1 };
      const options = { nodeID: NODE, timeout: 4000 };
      for (const end = Date.now() + 15_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
        try {
          await guest.call("node-faults.inject", { run: "cut-off", duration: 60_000, fault }, options);
          return;
        } catch (error) {
          if (Date.now() > end) throw error;
        }
      }
    }
  });
});
