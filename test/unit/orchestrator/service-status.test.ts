import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  combineStatus,
  organismStatus,
  SERVICE_STATUSES,
  type ServiceStatus,
} from "../../../services/nervous/master-orchestrator/service-status.ts";

describe("a service", () => {
  test.each<[ServiceStatus[], ServiceStatus]>([
    [[], "waiting"],
    [["healthy"], "healthy"],
    [["healthy", "healthy"], "healthy"],
    [["healthy", "starting"], "healthy"],
    [["healthy", "waiting", "stopped"], "healthy"],
    [["healthy", "unhealthy"], "degraded"],
    [["healthy", "quarantined"], "degraded"],
    [["healthy", "timeout"], "degraded"],
    [["degraded", "healthy"], "degraded"],
    [["degraded", "starting"], "degraded"],
    [["unhealthy", "starting"], "starting"],
    [["unhealthy", "timeout"], "unhealthy"],
    [["timeout", "quarantined"], "timeout"],
    [["quarantined", "stopped"], "quarantined"],
    [["waiting", "stopped"], "waiting"],
    [["stopped"], "stopped"],
  ])("with instances %j is %s", (instances, status) => {
    expect(combineStatus(instances)).toBe(status);
  });

  test("is up exactly while one of its instances is, in whatever order", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...SERVICE_STATUSES), { minLength: 1 }), (instances) => {
        const status = combineStatus(instances);
        const up = (one: ServiceStatus) => one === "healthy" || one === "degraded";
        expect(up(status)).toBe(instances.some(up));
        expect(combineStatus([...instances].reverse())).toBe(status);
      }),
    );
  });
});

describe("the organism", () => {
  const service = (status: ServiceStatus, priority = "medium", name = "x") => ({
    name,
    priority,
    status,
    why: "because",
  });

  test("is critical when a critical service is not up, and names it first", () => {
    const { status, why } = organismStatus(false, [
      service("unhealthy", "low", "a"),
      service("timeout", "critical", "b"),
    ]);
    expect([status, why]).toEqual(["critical", "b: because"]);
  });

  test("is degraded when any other is not healthy, or a critical one is degraded", () => {
    expect(organismStatus(false, [service("waiting"), service("unhealthy", "high")])).toEqual({
      status: "degraded",
      why: "x: because; and 1 more",
    });
    expect(organismStatus(false, [service("degraded", "critical")]).status).toBe("degraded");
  });

  test("is healthy when everything is", () => {
    expect(organismStatus(false, [service("healthy")])).toEqual({ status: "healthy", why: "all services are healthy" });
  });

  test("counts what the operator stopped as missing, all the same", () => {
    expect(organismStatus(false, [service("healthy"), service("stopped")]).status).toBe("degraded");
    expect(organismStatus(false, [service("stopped", "critical")]).status).toBe("critical");
  });

  test("is launching until the launch is over, and says what it waits for", () => {
    expect(organismStatus(true, [service("starting")])).toEqual({ status: "launching", why: "x: because" });
    expect(organismStatus(true, [service("healthy")]).why).toBe("the last services are starting");
  });
});
