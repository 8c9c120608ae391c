import { expect, test } from "@jest/globals";
import {
  HealthChecks,
  type HealthReport,
  type HealthStatus,
} from "../../../services/lungs/azora-api-gateway/health-checks.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const report = (status: HealthStatus): HealthReport => ({ status, checks: {} });

function checks(answers: Record<string, () => Promise<unknown>>) {
  const clock = new FakeClock();
  const calls: string[] = [];
  const organism = {
    exists: (action: string) => action in answers,
    call(action: string) {
      calls.push(action);
      return answers[action]!();
    },
  };
  return { clock, calls, checks: new HealthChecks(organism, clock) };
}

test("a system is unknown until its service exists, and whatever is no system stays unknown", async () => {
  const { checks: health } = checks({ "master-orchestrator.health": async () => report("healthy") });
  expect(await health.system("orchestrator")).toEqual(report("healthy"));
  for (const name of ["blockchain", "nope", "constructor", "__proto__"])
    expect(await health.system(name)).toBeUndefined();
});

test.each([
  ["throws", () => Promise.reject(new Error("boom"))],
  ["answers nonsense", async () => "fine"],
  ["answers nothing", async () => undefined],
])("a system that %s is unhealthy", async (_, answer) => {
  const { checks: health } = checks({ "auto-healer.health": answer });
  expect((await health.system("auto-healer"))!.status).toBe("unhealthy");
});

test("a system that says nothing for two seconds is unhealthy", async () => {
  const { checks: health, clock } = checks({ "auto-healer.health": () => new Promise(() => {}) });
  const answer = health.system("auto-healer");
  clock.advance(2_000);
  expect((await answer)!.status).toBe("unhealthy");
});

test("a hundred questions within a second are one call", async () => {
  const { checks: health, clock, calls } = checks({ "master-orchestrator.health": async () => report("healthy") });
  await Promise.all(Array.from({ length: 100 }, () => health.system("orchestrator")));
  clock.advance(999);
  await health.system("orchestrator");
  expect(calls).toHaveLength(1);
  clock.advance(1);
  await health.system("orchestrator");
  expect(calls).toHaveLength(2);
});

test.each<[HealthStatus, HealthStatus | undefined, HealthStatus, HealthStatus]>([
  ["healthy", "healthy", "healthy", "healthy"],
  ["healthy", "healthy", "unhealthy", "degraded"],
  ["healthy", "degraded", "healthy", "degraded"],
  ["healthy", undefined, "healthy", "degraded"],
  ["healthy", "unhealthy", "healthy", "unhealthy"],
  ["unhealthy", "healthy", "healthy", "unhealthy"],
])("gateway %s, orchestrator %s, healer %s: the whole is %s", async (gateway, orchestrator, healer, whole) => {
  const answers: Record<string, () => Promise<unknown>> = { "auto-healer.health": async () => report(healer) };
  if (orchestrator) answers["master-orchestrator.health"] = async () => report(orchestrator);
  expect((await checks(answers).checks.whole(report(gateway))).status).toBe(whole);
});
