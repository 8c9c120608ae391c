import { expect, test } from "@jest/globals";
import { OrchestratorLink } from "../../../services/immune/auto-healer/orchestrator-link.ts";
import { FakeClock } from "../../support/fake-clock.ts";

test("the healer's line to an orchestrator that was lost is whole again as soon as another answers, without anything to heal", async () => {
  let lost = false;
  const call = async (action: string) => {
    if (lost) throw Object.assign(new Error("nervous-1 is gone"), { type: "OUTCOME_UNKNOWN" });
    return action.endsWith(".enlist") ? { epoch: 1 } : { services: [], nodes: [] };
  };
  const clock = new FakeClock();
  const link = new OrchestratorLink({ nodeID: "immune-1", instanceID: "i", call } as never, clock, "auto-healer");
  expect(await link.keep()).toBe(true);
  lost = true;
  await expect(link.topology()).rejects.toThrow("nervous-1 is gone");
  clock.advance(5000);
  await link.keep();
  await new Promise((resolve) => setImmediate(resolve));
  expect(link.failure).toBe("nervous-1 is gone");
  lost = false;
  clock.advance(5000);
  await link.keep();
  await new Promise((resolve) => setImmediate(resolve));
  expect(link.failure).toBeUndefined();
});

test("many who ask at once how the organism is cost the orchestrator one question, also after the clock was set back", async () => {
  let asked = 0;
  const call = async () => ({ services: [], nodes: [], asked: ++asked });
  const clock = new FakeClock();
  const link = new OrchestratorLink({ nodeID: "immune-1", instanceID: "i", call } as never, clock, "auto-healer");
  await Promise.all(Array.from({ length: 1000 }, () => link.topology()));
  expect(asked).toBe(1);
  clock.advance(-3_600_000);
  expect(await link.topology()).toMatchObject({ asked: 2 });
});
