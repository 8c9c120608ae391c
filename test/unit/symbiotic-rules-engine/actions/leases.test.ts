import { describe, expect, test } from "@jest/globals";
import type { Lending } from "../../../../models/lending.ts";
import type { Held } from "../../../../services/brain/symbiotic-rules-engine/actions/held.ts";
import { Leases } from "../../../../services/brain/symbiotic-rules-engine/actions/leases.ts";
import { Lender } from "../../../../services/brain/symbiotic-rules-engine/actions/lender.ts";
import { knownNode, knownService, topologyOf } from "../../../support/topology.ts";
import { settled } from "./actor.ts";

const share = (percent: number): Held => ({
  kind: "share",
  target: "brain",
  lever: "cpu-share",
  value: { percent },
  rule: "r",
  since: 0,
});

function setUp() {
  const topology = topologyOf([knownService("judge", { organ: "brain" })], [knownNode("brain-1", ["judge"])]);
  const words: { lending: Lending; answer(): void }[] = [];
  const state = { held: [] as Held[], isKnown: true };
  const ports = {
    lend: (_node: string, lending: Lending) =>
      new Promise<never>((resolve) => {
        words.push({
          lending,
          answer: () => resolve({ share: lending.share, turned: [], not: [], refused: 0 } as never),
        });
      }),
    flags: () => {},
  };
  const leases = new Leases({
    lender: new Lender(ports, () => 1),
    held: () => state.held,
    topology: () => (state.isKnown ? topology : undefined),
  });
  const shares = () => words.map(({ lending }) => lending.share);
  return { leases, state, words, shares };
}

describe("what nodes are told", () => {
  test("is one word after the other, and what comes meanwhile is in the next one", async () => {
    const { leases, state, words, shares } = setUp();
    state.held = [share(10)];
    const first = leases.tell();
    await settled();
    state.held = [share(20)];
    const second = leases.tell();
    state.held = [share(30)];
    expect(leases.tell()).toBe(second);
    await settled();
    expect(shares()).toEqual([10]);
    words[0]!.answer();
    await first;
    await settled();
    expect(shares()).toEqual([10, 30]);
    words[1]!.answer();
    expect((await second).get("brain-1")).toMatchObject({ share: 30 });
  });

  test("is said again every five seconds, at once where something changed, and a last time when nothing is held", async () => {
    const { leases, state, words, shares } = setUp();
    const tick = async (now: number, changed = false) => {
      leases.tick(now, changed);
      await settled();
      words.at(-1)?.answer();
      await settled();
    };
    await tick(0);
    expect(shares()).toEqual([]);
    state.held = [share(10)];
    await tick(5000);
    await tick(9999);
    expect(shares()).toEqual([10]);
    state.held = [share(20)];
    await tick(9999, true);
    await tick(14_999);
    expect(shares()).toEqual([10, 20, 20]);
    state.held = [];
    await tick(15_000, true);
    await tick(20_000);
    await tick(25_000);
    expect(shares()).toEqual([10, 20, 20, 0]);
  });

  test("is nothing while nobody knows who is there", async () => {
    const { leases, state, shares } = setUp();
    Object.assign(state, { held: [share(10)], isKnown: false });
    expect((await leases.tell()).size).toBe(0);
    expect(shares()).toEqual([]);
  });
});
