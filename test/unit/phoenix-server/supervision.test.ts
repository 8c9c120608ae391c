import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { recoveryPlan, restFor, type Supervised } from "../../../services/immune/phoenix-server/supervision.ts";

const service = (name: string, change: Partial<Supervised> = {}): Supervised => ({
  name,
  aliases: [],
  strategy: "one-for-one",
  status: "healthy",
  dependencies: [],
  nodes: ["heart-1"],
  runtimeSystem: false,
  ...change,
});
const names = (steps: { service: string }[]) => steps.map((step) => step.service);

const shop = [
  service("door", { dependencies: ["shop"], nodes: ["lungs-1"] }),
  service("shop", { dependencies: ["ledger"], nodes: ["muscles-1"] }),
  service("ledger", { dependencies: ["db"], strategy: "rest-for-one" }),
  service("db", { strategy: "one-for-all" }),
  service("bell"),
];

describe("a service that failed and came back", () => {
  test("takes nobody with it by default", () => {
    expect(restFor("bell", shop)).toEqual([]);
  });

  test("takes those that depend on it, near and far, in launch order (rest-for-one)", () => {
    expect(restFor("ledger", shop)).toEqual([
      { service: "shop", why: "it depends on ledger (rest-for-one)" },
      { service: "door", why: "it depends on ledger (rest-for-one)" },
    ]);
  });

  test("takes all that share a node with it (one-for-all)", () => {
    expect(names(restFor("db", shop))).toEqual(["ledger", "bell"]);
  });

  test("starts nobody who was not up, and touches nothing that runs the organism", () => {
    const some = shop.map((one) =>
      one.name === "shop" ? { ...one, status: "stopped" } : one.name === "door" ? { ...one, runtimeSystem: true } : one,
    );
    expect(restFor("ledger", some)).toEqual([]);
  });
});

describe("a recovery", () => {
  test("begins with failed dependencies, then the service, then those that go with it", () => {
    const some = shop.map((one) => (one.name === "db" ? { ...one, status: "unhealthy" } : one));
    expect(recoveryPlan("ledger", some)).toEqual([
      { service: "db", why: "ledger needs it, and it is unhealthy" },
      { service: "ledger", why: "it is what is to recover" },
      { service: "shop", why: "it depends on ledger (rest-for-one)" },
      { service: "door", why: "it depends on ledger (rest-for-one)" },
    ]);
    expect(recoveryPlan("nobody", some)).toEqual([]);
  });

  test("restarts nobody twice, and no dependency after the one that needs it, whatever the graph", () => {
    const graph = fc
      .array(fc.tuple(fc.boolean(), fc.array(fc.nat(), { maxLength: 3 })), { minLength: 1, maxLength: 12 })
      .map((drawn) =>
        drawn.map(([up, wanted], index) =>
          service(`s${index}`, {
            status: up ? "healthy" : "unhealthy",
            strategy: "rest-for-one",
            // Only earlier ones, so that there is no cycle.
            dependencies: index === 0 ? [] : [...new Set(wanted.map((n) => `s${n % index}`))],
          }),
        ),
      );
    fc.assert(
      fc.property(graph, fc.nat(), (services, pick) => {
        const target = services[pick % services.length]!.name;
        const order = names(recoveryPlan(target, services));
        expect(new Set(order).size).toBe(order.length);
        for (const [place, name] of order.entries()) {
          for (const dependency of services.find((one) => one.name === name)!.dependencies) {
            const at = order.indexOf(dependency);
            if (at >= 0) expect(at).toBeLessThan(place);
          }
        }
      }),
    );
  });
});
