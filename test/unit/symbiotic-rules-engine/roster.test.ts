import { describe, expect, test } from "@jest/globals";
import { Roster } from "../../../services/brain/symbiotic-rules-engine/roster.ts";
import { knownNode, knownService, topologyOf } from "../../support/topology.ts";

const instance = (node: string, incarnation: number) => ({ node, pid: 1, incarnation, status: "healthy" });
const shop = (incarnation: number, more = {}) =>
  topologyOf(
    [
      knownService("shop", {
        organ: "stomach",
        aliases: ["store"],
        instances: [instance("stomach-1", incarnation)],
        ...more,
      }),
    ],
    [knownNode("stomach-1")],
  );

describe("the roster", () => {
  test("a service belongs to its organ, under each of its names, and a stranger to that of its node", () => {
    const roster = new Roster();
    roster.take(shop(1));
    expect(roster.systemOf("shop", "heart-1")).toBe("stomach");
    expect(roster.systemOf("store", "heart-1")).toBe("stomach");
    expect(roster.systemOf("someone", "heart-1")).toBe("heart");
    expect(roster.systemOf("someone", "heart-2@far-away.example")).toBe("heart");
    expect(roster.systemOf("someone", "laptop")).toBeUndefined();
  });

  test("a restart counts once, whether the event or the topology tells it first", () => {
    const roster = new Roster();
    roster.take(shop(1));
    roster.started("shop", "stomach-1", 2);
    roster.take(shop(2));
    roster.take(shop(4));
    expect(roster.services()).toEqual([
      { name: "shop", system: "stomach", status: "healthy", restarts: { "stomach-1": 3 } },
    ]);
  });

  test("an instance on another node is no restart", () => {
    const roster = new Roster();
    roster.take(shop(3));
    roster.take(shop(1, { instances: [instance("stomach-1", 3), instance("stomach-2", 1)] }));
    expect(roster.services()[0]).toMatchObject({ restarts: { "stomach-1": 0, "stomach-2": 0 } });
  });

  test("the first start of an instance that was added is no restart", () => {
    const roster = new Roster();
    roster.take(shop(1));
    roster.take(shop(1, { instances: [instance("stomach-1", 1), instance("stomach-2", 0)] }));
    roster.started("shop", "stomach-2", 1);
    expect(roster.services()[0]).toMatchObject({ restarts: { "stomach-2": 0 } });
    roster.started("shop", "stomach-2", 2);
    expect(roster.services()[0]).toMatchObject({ restarts: { "stomach-1": 0, "stomach-2": 1 } });
  });

  test("what the launch starts, and starts again, is no restart", () => {
    const roster = new Roster();
    roster.take({ ...shop(0), launched: false });
    roster.started("shop", "stomach-1", 2);
    roster.take(shop(3));
    expect(roster.services()[0]).toMatchObject({ restarts: { "stomach-1": 0 } });
    roster.started("shop", "stomach-1", 4);
    expect(roster.services()[0]).toMatchObject({ restarts: { "stomach-1": 1 } });
  });

  test("the engine itself is there, although the orchestrator has not seen it since it died", () => {
    const roster = new Roster();
    roster.take(topologyOf([knownService("symbiotic-rules-engine", { organ: "brain", status: "unhealthy" })], []));
    expect(roster.services()[0]).toMatchObject({ status: "healthy" });
  });

  test("what has gone is forgotten", () => {
    const roster = new Roster();
    roster.take(shop(1));
    roster.take(shop(5));
    roster.take(topologyOf([], []));
    expect(roster.services()).toEqual([]);
    roster.take(shop(9));
    expect(roster.services()[0]).toMatchObject({ restarts: { "stomach-1": 0 } });
  });

  test("an action may name services, their other names, and nodes", () => {
    const roster = new Roster();
    expect([roster.launched, roster.targets()]).toEqual([false, []]);
    roster.take(shop(1));
    expect([roster.launched, roster.targets()]).toEqual([true, ["shop", "store", "stomach-1"]]);
    expect([...roster.placed()]).toEqual(["stomach"]);
  });

  test("a service runs where the orchestrator says, under each of its names", () => {
    const roster = new Roster();
    expect(roster.carries("stomach-1", "shop")).toBe(false);
    roster.take(shop(1));
    expect(roster.carries("stomach-1", "shop")).toBe(true);
    expect(roster.carries("stomach-1", "store")).toBe(true);
    expect(roster.carries("heart-1", "shop")).toBe(false);
    expect(roster.carries("stomach-1", "someone")).toBe(false);
  });
});
