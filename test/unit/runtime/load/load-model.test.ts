import { describe, expect, test } from "@jest/globals";
import { type Callee, LoadModel } from "../../../../runtime/load/load-model.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

/** What the model looks at of a broker: who lives here and elsewhere. */
function world() {
  const clock = new FakeClock(0);
  const services: Callee[] = [];
  const remote: Callee[] = [];
  const broker = {
    nodeID: "self",
    services,
    registry: {
      services: {
        get: (name: string, node: string) =>
          remote.find(({ fullName, node: on }) => fullName === name && on!.id === node),
      },
    },
  };
  const model = (maxPaths?: number) => {
    const made = new LoadModel({ now: () => clock.now(), ...(maxPaths ? { maxPaths } : {}) });
    made.attach(broker as never);
    return made;
  };
  return { clock, services, remote, model };
}

const call = (model: LoadModel, callee: Callee, caller = "teller", took = 0, action = `${callee.fullName}.do`) => {
  const path = model.path(callee, action, caller);
  const now = model.now();
  path.began(now - took);
  path.ended(now - took, now, "answered");
};
const sum = (buckets: number[]) => buckets.filter((_, i) => i % 2 === 1).reduce((a, b) => a + b, 0);

describe("the model of a node's calls", () => {
  test("keeps one record for each life of an instance and its action, and one path for each caller", () => {
    const { services, remote, model: make } = world();
    const model = make();
    const [here, there] = [{ fullName: "ledger" }, { fullName: "ledger", node: { id: "other" } }];
    services.push(here);
    remote.push(there);
    expect(model.of(here, "ledger.add")).toBe(model.of(here, "ledger.add"));
    expect(model.of(here, "ledger.add")).not.toBe(model.of(there, "ledger.add"));
    expect(model.of(here, "ledger.add")).not.toBe(model.of(here, "ledger.look"));
    expect(model.of(here, "ledger.add")).toMatchObject({ node: "self", local: true, service: "ledger" });
    expect(model.of(there, "ledger.add")).toMatchObject({ node: "other", local: false });
    const next = { fullName: "ledger", node: { id: "other" } };
    expect(model.of(next, "ledger.add")).not.toBe(model.of(there, "ledger.add"));
    expect(model.path(there, "ledger.add", "a").endpoint).toBe(model.path(there, "ledger.add", "b").endpoint);
  });

  test("reports increments that add up to all calls, and nothing of who did nothing", () => {
    const { clock, services, model: make } = world();
    const model = make();
    const here = { fullName: "ledger" };
    services.push(here);
    let [calls, total] = [0, 0];
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < round % 4; i++) call(model, here, `caller-${i % 2}`, i);
      clock.advance(1000);
      for (const report of model.report(() => 1)) {
        expect(sum(report.buckets)).toBe(report.calls);
        expect(report.calls).toBeGreaterThan(0);
        calls += report.calls;
        total += report.sum;
      }
    }
    expect([calls, total]).toEqual([30, 5 * (0 + 0 + 1 + 0 + 1 + 2) * 1000]);
    expect(model.report(() => 1)).toEqual([]);
  });

  test("reports what is under way, though nothing ended", () => {
    const { services, model: make } = world();
    const model = make();
    const here = { fullName: "ledger" };
    services.push(here);
    model.path(here, "ledger.add", "teller").began(0);
    expect(model.report(() => 0.5)).toMatchObject([{ caller: "teller", calls: 0, inFlight: 1, weight: 0.5 }]);
  });

  test("forgets a life when it is over and none of its calls are under way", () => {
    const { services, remote, model: make } = world();
    const model = make();
    const [here, there] = [{ fullName: "ledger" }, { fullName: "ledger", node: { id: "other" } }];
    services.push(here);
    remote.push(there);
    call(model, here);
    const open = model.path(there, "ledger.do", "teller");
    open.began(0);
    services.pop();
    remote[0] = { fullName: "ledger", node: { id: "other" } };
    expect(model.report(() => 1)).toHaveLength(2);
    expect([...model.loads()]).toEqual([open.endpoint]);
    open.ended(0, 1, "failed");
    expect(model.report(() => 1)).toMatchObject([{ node: "other", failures: 1 }]);
    expect([...model.loads()]).toEqual([]);
  });

  test("tells of so many paths, and says how many calls went on others", () => {
    const { services, model: make } = world();
    const model = make(10);
    const here = { fullName: "ledger" };
    services.push(here);
    for (let i = 0; i < 100; i++) call(model, here, `caller-${i}`);
    expect(model.report(() => 1)).toHaveLength(10);
    expect([model.takeUncounted(), model.takeUncounted()]).toEqual([90, 0]);
    call(model, here, "caller-99");
    model.report(() => 1);
    expect(model.takeUncounted()).toBe(1);
    expect(model.of(here, "ledger.do").failures.calls(0)).toBe(101);
  });

  test("has room for new paths when a life that had some is over", () => {
    const { services, model: make } = world();
    const model = make(2);
    for (let life = 0; life < 5; life++) {
      const here = { fullName: "ledger" };
      services[0] = here;
      call(model, here, "a");
      call(model, here, "b");
      expect(model.report(() => 1).filter(({ calls }) => calls > 0)).toHaveLength(2);
      services.pop();
      model.report(() => 1);
    }
    expect(model.takeUncounted()).toBe(0);
  });

  test("lets what a path was told weigh less by its age, also where it was idle in between", () => {
    const { clock, services, model: make } = world();
    const model = make();
    const here = { fullName: "ledger" };
    services.push(here);
    for (let i = 0; i < 1000; i++) call(model, here, "teller", 50);
    for (let second = 0; second < 600; second++) {
      clock.advance(1000);
      model.report(() => 1);
    }
    call(model, here, "teller", 1);
    clock.advance(1000);
    model.report(() => 1);
    expect(model.path(here, "ledger.do", "teller").latency!.quantile(0.5)).toBeLessThan(1100);
  });
});
