import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { beyond, damageOf } from "../../../services/immune/chaos-monkey/blast-radius.ts";
import type { BlastRadius, StopSpec } from "../../../services/immune/chaos-monkey/experiment.ts";
import { BLIND_LIMIT_MS, Guard } from "../../../services/immune/chaos-monkey/guard.ts";
import { seeded } from "../../../services/immune/chaos-monkey/random.ts";
import { chooseTarget, type Target } from "../../../services/immune/chaos-monkey/target.ts";
import { ill, organism } from "./organism.ts";

const MUSCLES: Target = { words: "node muscles-1", nodes: ["muscles-1"], services: ["crane", "printer"] };
const LEDGER: Target = { words: "service ledger", nodes: ["heart-1"], service: "ledger", services: ["ledger"] };
const NONE: BlastRadius = { services: 0, nodes: 0 };

function guard(target: Target, radius: BlastRadius = NONE, stop: StopSpec[] = []): Guard {
  return new Guard({ before: organism(), target, radius, stop, since: 0 });
}

describe("the blast radius", () => {
  test("holds what the target itself suffers", () => {
    expect(guard(MUSCLES).look(ill({ crane: "unhealthy", "muscles-1": "down" }), 0, 100)).toBeUndefined();
  });

  test("ends at the first service beyond it, and names it", () => {
    expect(guard(MUSCLES).look(ill({ crane: "unhealthy", bell: "unhealthy" }), 0, 100)).toBe(
      "1 services besides the target are ill, and 0 may be: bell",
    );
    expect(guard(MUSCLES, { services: 1, nodes: 0 }).look(ill({ bell: "unhealthy" }), 0, 100)).toBeUndefined();
  });

  test("ends at a critical service, however many may be ill", () => {
    expect(guard(MUSCLES, { services: 100, nodes: 0 }).look(ill({ judge: "unhealthy" }), 0, 100)).toBe(
      "critical judge is ill, which the experiment is not about",
    );
  });

  test("holds the dependents, near and far, where it is said", () => {
    const radius: BlastRadius = { services: "dependents", nodes: 0 };
    const down = { ledger: "quarantined", judge: "unhealthy", crane: "waiting", vault: "unhealthy" };
    expect(guard(LEDGER, radius).look(ill(down), 0, 100)).toBeUndefined();
    expect(guard(LEDGER, radius).look(ill({ ...down, bell: "unhealthy" }), 0, 100)).toContain("bell");
  });

  test("ends at a node beyond it", () => {
    expect(guard(MUSCLES).look(ill({ "brain-1": "hung" }), 0, 100)).toBe(
      "1 nodes besides the target are down, and 0 may be: brain-1",
    );
  });

  test("does not count what was ill before, nor what is only degraded", () => {
    const before = ill({ bell: "unhealthy", "brain-1": "down" });
    const now = ill({ bell: "unhealthy", vault: "degraded", "brain-1": "down" });
    expect(damageOf(before, now, MUSCLES, NONE)).toEqual({ services: [], critical: [], nodes: [] });
  });

  test("is never left without being said, whatever is ill", () => {
    const names = ["ledger", "vault", "judge", "crane", "bell"];
    fc.assert(
      fc.property(fc.subarray(names), fc.nat(5), (sick, most) => {
        const statuses = Object.fromEntries(sick.map((name) => [name, "unhealthy"]));
        const radius = { services: most, nodes: 0 };
        const damage = damageOf(organism(), ill(statuses), MUSCLES, radius);
        const others = sick.filter((name) => name !== "crane");
        expect([...damage.services].sort()).toEqual([...others].sort());
        const isCritical = others.some((name) => name === "ledger" || name === "judge");
        expect(beyond(damage, radius) !== undefined).toBe(isCritical || others.length > most);
      }),
    );
  });
});

describe("a stop condition", () => {
  const critical = ill({ crane: "unhealthy" }, "critical");

  test("of being critical counts only time without a break", () => {
    const one = guard(MUSCLES, NONE, [{ kind: "status-critical-for", ms: 1000 }]);
    expect(one.look(critical, 0, 0)).toBeUndefined();
    expect(one.look(critical, 0, 900)).toBeUndefined();
    expect(one.look(organism(), 0, 950)).toBeUndefined();
    expect(one.look(critical, 0, 1000)).toBeUndefined();
    expect(one.look(critical, 0, 1999)).toBeUndefined();
    expect(one.look(critical, 0, 2000)).toBe("the organism has been critical for 1000 ms");
  });

  test("of not being healthy counts degraded too", () => {
    const one = guard(MUSCLES, NONE, [{ kind: "not-healthy-for", ms: 500 }]);
    expect(one.look(ill({ crane: "unhealthy" }), 0, 0)).toBeUndefined();
    expect(one.look(critical, 0, 500)).toContain("not healthy for 500 ms");
  });

  test("of failed calls is met by one more than may fail", () => {
    const one = guard(MUSCLES, NONE, [{ kind: "calls-failed", more: 3 }]);
    expect(one.look(organism(), 3, 0)).toBeUndefined();
    expect(one.look(undefined, 4, 0)).toBe("4 calls have failed, and 3 may");
  });

  test("is not met by an orchestrator that has not yet taken over what runs", () => {
    const one = guard(MUSCLES);
    const taking = { ...ill({ bell: "waiting", ledger: "waiting" }, "critical"), epoch: 2 };
    expect(one.look({ ...taking, launched: false }, 0, 1000)).toBeUndefined();
    expect(one.look(taking, 0, 1100)).toBeUndefined();
    expect(one.look(taking, 0, 2999)).toBeUndefined();
    expect(one.look(taking, 0, 3000)).toBe("critical ledger is ill, which the experiment is not about");
  });

  test("is met by blindness after a while, whatever is said", () => {
    const one = guard(MUSCLES);
    expect(one.look(organism(), 0, 1000)).toBeUndefined();
    expect(one.look(undefined, 0, 1000 + BLIND_LIMIT_MS - 1)).toBeUndefined();
    expect(one.look(undefined, 0, 1000 + BLIND_LIMIT_MS)).toContain("could not be looked at for 20 s");
  });
});

describe("a target", () => {
  const around = { self: "immune-1", watched: new Set(["ledger"]), withHealth: new Set(["judge"]) };
  const choose = (fault: object, seed = 1, topology = organism()) =>
    chooseTarget(fault as never, topology, seeded(seed), around) as Target & { refusal?: string };

  test("is the same for the same seed, and every other one for some seed", () => {
    const fault = { kind: "kill-node", target: "any-node" };
    expect(choose(fault, 5)).toEqual(choose(fault, 5));
    const hit = new Set(Array.from({ length: 200 }, (_, seed) => choose(fault, seed).nodes[0]));
    // Not where chaos-monkey lives, not where the orchestrator does.
    expect([...hit].sort()).toEqual(["brain-1", "heart-1", "muscles-1", "nervous-2"]);
  });

  test("on a node owns all that the node carries", () => {
    expect(choose({ kind: "block-loop", target: { node: "heart-1" } })).toEqual({
      words: "node heart-1",
      nodes: ["heart-1"],
      services: ["ledger", "vault"],
    });
    expect(choose({ kind: "kill-node", target: { service: "crane" } }).nodes).toEqual(["muscles-1"]);
    expect(choose({ kind: "kill-node", target: { node: "immune-1" } }).nodes).toEqual(["immune-1"]);
    expect(choose({ kind: "kill-orchestrator" }).nodes).toEqual(["nervous-1"]);
  });

  test("of a service is no runtime system and no program, and one that is watched first", () => {
    const killed = new Set(
      Array.from({ length: 200 }, (_, seed) => choose({ kind: "kill-service", target: "any-service" }, seed).service),
    );
    expect([...killed].sort()).toEqual(["bell", "crane", "judge", "ledger", "vault"]);
    expect(choose({ kind: "fail-calls", target: "any-service" }, 9).service).toBe("ledger");
    expect(choose({ kind: "fail-calls", target: "any-service", health: true }, 9).service).toBe("judge");
    expect(choose({ kind: "fail-calls", target: "any-muscles" }).service).toBe("crane");
  });

  test("between two nodes has two different ones", () => {
    for (let seed = 0; seed < 100; seed++) {
      const { nodes, peer } = choose({ kind: "drop-messages", target: "any-node" }, seed);
      expect(new Set(nodes).size).toBe(2);
      expect(nodes[1]).toBe(peer);
    }
    expect(choose({ kind: "drop-messages", target: "any-node", peer: { node: "nervous-1" } }).peer).toBe("nervous-1");
  });

  test("that is not there is refused in words", () => {
    expect(choose({ kind: "kill-node", target: { node: "liver-1" } }).refusal).toBe(
      "no node that is up on this machine is liver-1",
    );
    expect(choose({ kind: "kill-service", target: { service: "printer" } }).refusal).toContain("is a program");
    expect(choose({ kind: "fail-calls", target: "any-lungs" }).refusal).toBe(
      "there is no healthy service that is any lungs",
    );
    expect(choose({ kind: "fail-calls", target: { node: "heart-1" } }).refusal).toContain("hits a service");
    expect(choose({ kind: "fail-calls", target: { service: "crane" }, health: true }).refusal).toContain(
      "health action",
    );
  });

  test("is not a node of another machine where a process or a disk is meant", () => {
    const topology = organism();
    for (const node of topology.nodes) node.remote = node.id !== "brain-1";
    expect(choose({ kind: "stop-node", target: "any-node" }, 3, topology).nodes).toEqual(["brain-1"]);
    expect(choose({ kind: "stop-node", target: "any-heart" }, 3, topology).refusal).toContain("on this machine");
  });
});
