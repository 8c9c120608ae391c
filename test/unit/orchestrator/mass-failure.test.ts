import { describe, expect, test } from "@jest/globals";
import { massCause, type Surroundings } from "../../../services/nervous/master-orchestrator/healing/mass-failure.ts";
import { dependenciesOf, downDependency } from "../../../services/nervous/master-orchestrator/healing/upstream.ts";
import { OrganismState } from "../../../services/nervous/master-orchestrator/organism-state.ts";
import { planned, planOf } from "./plans.ts";

const ORDER = ["db", "ledger", "shop", "bell", "mill", "oven", "door"];
const NEEDS: Record<string, string[]> = { ledger: ["db"], shop: ["ledger", "db"], mill: ["db"] };
const around: Surroundings = {
  needs: (service) => new Set(NEEDS[service] ?? []),
  on: (node) => (node === "heart-1" ? ["db", "ledger", "shop", "bell"] : ORDER),
  rank: (service) => ORDER.indexOf(service),
};
const at = (node: string, ...services: string[]) => services.map((service) => ({ service, node }));

describe("many failures of one moment", () => {
  test("are what they are while they are few", () => {
    expect(massCause([...at("heart-1", "ledger"), ...at("muscles-1", "mill")], around)).toBeUndefined();
  });

  test("come from the service that all others of them need", () => {
    const cause = massCause([...at("heart-1", "shop", "db", "ledger"), ...at("muscles-1", "mill")], around);
    expect(cause).toEqual({
      kind: "upstream",
      service: "db",
      why: "4 services failed together, and all others of them need db",
    });
  });

  test("come from the node that carries them, if most of what it carries has failed", () => {
    expect(massCause(at("heart-1", "bell", "ledger", "shop"), around)).toMatchObject({ kind: "node", node: "heart-1" });
    expect(massCause(at("muscles-1", "bell", "mill", "oven"), around)).toMatchObject({ kind: "unknown" });
  });

  test("of unknown cause let the first in the launch order try first", () => {
    const failing = [...at("heart-1", "bell"), ...at("muscles-1", "oven"), ...at("lungs-1", "door")];
    expect(massCause(failing, around)).toMatchObject({ kind: "unknown", first: "bell" });
  });

  test("count each service once, however many instances it has", () => {
    expect(massCause([...at("heart-1", "bell", "mill"), ...at("heart-2", "bell", "mill")], around)).toBeUndefined();
  });
});

describe("the dependency that is to blame", () => {
  const state = new OrganismState(
    planOf([planned("db"), planned("ledger", { dependencies: ["db"] }), planned("shop", { dependencies: ["ledger"] })]),
    [],
  );
  const set = (name: string, status: "healthy" | "unhealthy" | "quarantined") => {
    state.instance(state.services.get(name)!, "heart-1").status = status;
  };

  test("is the first in the chain that is not up", () => {
    set("db", "unhealthy");
    set("ledger", "unhealthy");
    set("shop", "unhealthy");
    expect(downDependency(state, state.services.get("shop")!)?.planned.name).toBe("db");
    set("db", "healthy");
    expect(downDependency(state, state.services.get("shop")!)?.planned.name).toBe("ledger");
    set("ledger", "healthy");
    expect(downDependency(state, state.services.get("shop")!)).toBeUndefined();
  });

  test("those that others need come first", () => {
    expect(dependenciesOf(state, state.services.get("shop")!).map(({ planned }) => planned.name)).toEqual([
      "db",
      "ledger",
    ]);
  });

  test("in quarantine leaves those that need it degraded, and says so", () => {
    set("db", "quarantined");
    set("ledger", "healthy");
    const ledger = state.services.get("ledger")!;
    expect([state.statusOf(ledger), state.why(ledger)]).toEqual(["degraded", "its dependency db is in quarantine"]);
    set("db", "healthy");
    expect(state.statusOf(ledger)).toBe("healthy");
  });
});
