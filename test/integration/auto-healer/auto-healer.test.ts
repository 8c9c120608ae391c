import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { HealingRecord, HealingResult } from "../../../models/healing.ts";
import type { HealingCase } from "../../../models/healing-case.model.ts";
import { knownService } from "../../support/topology.ts";
import { writeFiles } from "../../support/write-files.ts";
import { FakeOrganism } from "./fake-organism.ts";

type Case = HealingCase & { id: string };

let organism: FakeOrganism;
beforeEach(() => {
  organism = new FakeOrganism();
});
const endings: (() => void)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0)) end();
  await organism.stop();
});

const cases = (query: object = {}) => organism.call<Case[]>("cases", query);
const execute = (request: object) => organism.call<HealingResult>("execute", request);

describe("what is asked for", () => {
  const restart = {
    id: "restart-ledger",
    service: "ledger",
    actionType: "restart",
    priority: "high",
    parameters: { force: true },
    timeout: 30_000,
  };

  test("is carried out by the orchestrator, once per id, and remembered over the healer's own death", async () => {
    await organism.start();
    const result = await execute(restart);
    expect(result).toMatchObject({
      id: "restart-ledger",
      success: true,
      observed: { before: "ill", after: "healthy" },
    });
    expect(await execute(restart)).toEqual(result);
    expect(organism.orders).toMatchObject([
      { action: "restart", parameters: { force: true }, by: "operator", failure: "none" },
    ]);
    await organism.eventually("it is a case", async () => (await cases()).length === 1);

    await organism.stopHealer();
    await organism.startHealer();
    expect(await execute(restart)).toMatchObject({ id: result.id, success: true, observed: result.observed });
    expect(organism.orders).toHaveLength(1);
    expect(await cases({ service: "ledger" })).toMatchObject([
      { id: "restart-ledger", failure: "none", outcome: "done" },
    ]);
    const { text } = await organism.call<{ text: string }>("explain", { id: "restart-ledger" });
    expect(text).toMatch(/restart of ledger was asked for\. It helped after \d+ ms: it was seen/);
  });

  test.each<[object, string]>([
    [{ ...restart, service: "legder" }, "SERVICE_UNKNOWN"],
    [{ ...restart, actionType: "resart" }, "HEALING_ACTION_UNKNOWN"],
    [{ ...restart, timeout: -1 }, "VALIDATION_ERROR"],
    [{ ...restart, priority: "urgent" }, "VALIDATION_ERROR"],
    [{ ...restart, parameters: { force: 1 } }, "VALIDATION_ERROR"],
    [{ ...restart, service: "auto-healer" }, "HEALING_REFUSED"],
    [{ ...restart, service: undefined, node: "immune-1" }, "HEALING_REFUSED"],
  ])("%j is refused as %s", async (request, type) => {
    await organism.start();
    await expect(execute(request)).rejects.toMatchObject({ type });
    expect(organism.orders).toEqual([]);
  });

  test("and never ends is a failure within its time, and recorded", async () => {
    await organism.start();
    organism.act = () => new Promise(() => {});
    const result = await execute({ ...restart, timeout: 200 });
    expect(result).toMatchObject({ success: false, reason: "it did not end within 200 ms" });
    await organism.eventually("it is recorded", async () => (await cases({ outcome: "failed" })).length === 1);
  });
});

describe("a service whose calls fail", () => {
  /** Seconds of calls that fail until what is wrong has been put right. */
  function suffer(fault: string): { cure(): void } {
    let ill = true;
    endings.push(
      organism.every(500, () => void organism.second({ calls: 10, faults: ill ? 8 : 0, ...(ill ? { fault } : {}) })),
    );
    return {
      cure: () => {
        ill = false;
      },
    };
  }

  test("is found, healed by the cheapest remedy that fits, and its story is told", async () => {
    await organism.start();
    const suffering = suffer("Error: connect ECONNREFUSED 127.0.0.1:5432");
    organism.act = ({ action }) => {
      if (action === "reconnect") suffering.cure();
      return {};
    };
    await organism.eventually("it is healed", async () => (await cases({ outcome: "healed" })).length === 1, 30_000);
    expect(organism.orders).toMatchObject([
      { action: "reconnect", failure: "erroring", target: { service: "ledger", node: "heart-1" } },
    ]);
    expect(organism.detections).toMatchObject([{ failure: "erroring", severity: "failure" }]);
    const { text } = await organism.call<{ text: string }>("story", { name: "ledger" });
    expect(text).toMatch(
      /^At .* ledger on heart-1 was erroring: \d+ of \d+ calls failed in 3 s \(`Error: connect ECONNREFUSED 127\.0\.0\.1:5432`\)\. Reconnect was chosen: the errors speak of a connection; the cheapest that fits \(about 200 ms\)\. .*It was over after .*; (\d+ calls were|1 call was) lost\.$/,
    );
  }, 40_000);

  test("is healed by the next remedy where the first one does not help", async () => {
    await organism.start();
    const suffering = suffer("Error: socket hang up");
    organism.act = ({ action }) => {
      if (action === "restart") suffering.cure();
      return action === "reconnect" ? { success: false, reason: "still refused" } : {};
    };
    await organism.eventually("it is healed", async () => (await cases({ outcome: "healed" })).length === 1, 30_000);
    expect(organism.orders.map(({ action }) => action)).toEqual(["reconnect", "restart"]);
  }, 40_000);

  test("is given up when nothing that fits helps, and told", async () => {
    await organism.start();
    suffer("Error: no ink");
    organism.act = () => ({ success: false, reason: "no ink still" });
    await organism.eventually(
      "it is given up",
      async () => (await cases({ outcome: "given up" })).length === 1,
      30_000,
    );
    expect(organism.orders.map(({ action }) => action)).toEqual(["restart"]);
    const { text } = await organism.call<{ text: string }>("story", { name: "ledger" });
    expect(text).toContain("Nothing was done: nothing that is left fits; the operator is told.");
    expect(text).toMatch(/Nothing that was tried helped; ledger needs a person/);
  }, 40_000);

  test("is repaired by its own action where that is the cheapest", async () => {
    const actions = [{ type: "data-repair", action: "repair", failures: ["erroring" as const], cost: 50 }];
    organism.services = [knownService("ledger", { healing: { actions } })];
    organism.node = "immune-1";
    const suffering = suffer("Error: index is broken");
    organism.broker.createService({
      name: "ledger",
      actions: {
        repair: () => {
          suffering.cure();
          return { success: true, reason: "the index was built anew", observed: { before: "broken", after: "whole" } };
        },
      },
    } as never);
    await organism.start();
    await organism.eventually("it is healed", async () => (await cases({ outcome: "healed" })).length === 1, 30_000);
    expect(organism.orders).toEqual([]);
    expect(organism.records).toMatchObject([
      {
        action: "data-repair",
        success: true,
        observed: { before: "broken", after: "whole" },
        by: "healer",
        failure: "erroring",
      },
    ]);
  }, 40_000);
});

describe("healing before it breaks", () => {
  const leak = async () => {
    let used = 4;
    const report = () => void organism.second({ heapUsed: used++ * 2 ** 20 * 5, heapLimit: 8000 * 2 ** 20 });
    endings.push(organism.every(100, report));
    await organism.eventually("the leak is found", () => organism.detections.length > 0, 40_000);
    organism.standStill();
  };

  test.each([
    ["leaking=shadow", [], "shadow"],
    ["leaking=on", [{ action: "restart", target: { node: "heart-1" } }], "on"],
  ])(
    "set to %s names a leak, and acts accordingly",
    async (setting, orders, mode) => {
      await organism.start({ AZORA_HEALING_PREDICTIVE: setting });
      await leak();
      expect(organism.detections).toMatchObject([
        { failure: "leaking", severity: "warning", target: { node: "heart-1" } },
      ]);
      expect(organism.detections[0]!.secondsLeft).toBeGreaterThan(0);
      await organism.eventually("it is decided", async () => (await cases())[0]?.decisions.length === 1);
      expect((await cases())[0]!.decisions[0]).toMatchObject({ chosen: "restart", mode });
      expect(organism.orders).toMatchObject(orders);
      const { warnings } = await organism.call<{ warnings: object[] }>("forecasts");
      expect(warnings).toMatchObject([{ failure: "leaking" }]);
    },
    60_000,
  );
});

describe("the memory", () => {
  const crashed = (id: string, more: Partial<HealingRecord> = {}): HealingRecord => ({
    id,
    at: new Date().toISOString(),
    target: { service: "ledger" },
    failure: "unhealthy",
    action: "restart",
    attempt: 1,
    success: true,
    observed: { before: "unhealthy", after: "healthy" },
    duration: 12,
    reason: "it was restarted",
    detection: 5,
    case: `case-${id}`,
    by: "ladder",
    signature: "unhealthy|ledger|no paper",
    rung: "restart-in-place",
    ...more,
  });

  test("takes in what was done while the healer was away, once, and learns from it", async () => {
    organism.history.push(crashed("a"), crashed("b"));
    await organism.start({ AZORA_HEALING_LEARNING: "shadow" });
    await organism.eventually("both are known", async () => (await cases()).length === 2);
    await organism.stopHealer();
    organism.history.push(crashed("c"));
    await organism.startHealer();
    await organism.eventually("the third is known", async () => (await cases()).length === 3);
    expect(await cases({ failure: "unhealthy", outcome: "healed" })).toHaveLength(3);
    const learning = await organism.call<{ mode: string; signatures: { signature: string; outcomes: number }[] }>(
      "learning",
    );
    expect(learning).toMatchObject({
      mode: "shadow",
      signatures: [{ signature: "unhealthy|ledger|no paper", outcomes: 3 }],
    });
    expect(organism.advice.at(-1)).toMatchObject({ mode: "shadow" });
  });

  test("gives no advice where learning is off", async () => {
    organism.history.push(crashed("a"), crashed("b"), crashed("c"), crashed("d"));
    await organism.start();
    await organism.eventually("advice was given", () => organism.advice.length > 0);
    expect(organism.advice.every(({ advice, mode }) => mode === "off" && Object.keys(advice).length === 0)).toBe(true);
  });

  test("asks a service's own action where the ladder did not help", async () => {
    const actions = [{ type: "data-repair", action: "repair", failures: ["unhealthy" as const] }];
    organism.services = [knownService("ledger", { status: "unhealthy", healing: { actions } })];
    const repaired: object[] = [];
    organism.broker.createService({
      name: "ledger",
      actions: {
        repair: () => void repaired.push({}),
        health: () => ({ status: repaired.length > 0 ? "healthy" : "unhealthy" }),
      },
    } as never);
    await organism.start();
    await organism.broker.emit("healing.recorded", crashed("x", { success: false, reason: "no paper" }));
    await organism.eventually("it was repaired", () => organism.records.length === 1);
    expect(organism.records[0]).toMatchObject({
      action: "data-repair",
      case: "case-x",
      success: true,
      observed: { before: "unhealthy", after: "healthy" },
    });
  });
});

describe("the healer", () => {
  test("that was replaced looks on, says so, and does nothing", async () => {
    await organism.start();
    organism.epoch++;
    await expect(execute({ service: "ledger", actionType: "restart" })).rejects.toMatchObject({ type: "STALE_EPOCH" });
    await expect(execute({ service: "ledger", actionType: "restart" })).rejects.toMatchObject({
      type: "HEALING_REFUSED",
      message: "another healer acts; this one only looks on",
    });
    expect(await organism.call("health")).toMatchObject({
      status: "degraded",
      checks: { epoch: "another healer acts" },
    });
  });

  test("without an orchestrator says so, and remembers all the same", async () => {
    await organism.start({}, false);
    await organism.eventually(
      "it has asked",
      async () => (await organism.call<{ status: string }>("health")).status === "degraded",
    );
    expect(await organism.call("health")).toMatchObject({
      checks: { orchestrator: "Service 'master-orchestrator.enlist' is not found.", memory: "0 open" },
    });
    await expect(execute({ service: "ledger", actionType: "restart" })).rejects.toMatchObject({
      type: "SERVICE_UNAVAILABLE",
    });
  });

  test("names bad plug-ins in its health, and offers the good ones", async () => {
    writeFiles(join(organism.folder, "healing"), {
      "bad.healing.mjs": "throw new Error('no config');",
      "sweep.healing.mjs":
        'export default { type: "sweep", description: "Sweeps.", observe: () => "clean", run: () => ({ success: true, reason: "swept" }) };',
    });
    await organism.start();
    expect(await organism.call("health")).toMatchObject({
      status: "degraded",
      checks: { plugins: "bad.healing.mjs cannot be loaded: no config" },
    });
    expect(await execute({ id: "s", service: "ledger", actionType: "sweep" })).toMatchObject({
      success: true,
      observed: { before: "clean", after: "clean" },
      reason: "swept",
    });
    const offered = await organism.call<{ type: string; origin: string }[]>("actions");
    expect(offered.map(({ type }) => type)).toEqual([
      "restart",
      "scale-up",
      "scale-down",
      "reconnect",
      "clear-cache",
      "failover",
      "resource-adjust",
      "sweep",
    ]);
  });

  test("has nobody write into its memory", async () => {
    await organism.start();
    await expect(organism.call("create", {})).rejects.toMatchObject({ type: "SERVICE_NOT_FOUND" });
    await expect(organism.call("explain", { id: "nothing" })).rejects.toMatchObject({ type: "NOT_FOUND" });
  });
});
