import { EventEmitter } from "node:events";
import { tmpdir } from "node:os";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { freePort } from "../../../runtime/free-port.ts";
import type { Member } from "../../../services/nervous/master-orchestrator/fleet.ts";
import { Advice } from "../../../services/nervous/master-orchestrator/healing/advice.ts";
import { NODE_POLICY } from "../../../services/nervous/master-orchestrator/healing/policy.ts";
import { Restarts } from "../../../services/nervous/master-orchestrator/healing/restarts.ts";
import type { KeeperContext } from "../../../services/nervous/master-orchestrator/keeper-context.ts";
import { OrganismState, programKey } from "../../../services/nervous/master-orchestrator/organism-state.ts";
import { ProgramKeeper } from "../../../services/nervous/master-orchestrator/program-keeper.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { planned, planOf } from "./plans.ts";

const KEY = programKey("press");

/** Members without processes. What is killed ends when the test says so. */
class FakeFleet extends EventEmitter {
  readonly members = new Map<string, Member>();
  readonly killed: string[] = [];
  #incarnation = 0;
  get(key: string) {
    return this.members.get(key);
  }
  async spawn(key: string) {
    const member = { key, incarnation: ++this.#incarnation, identity: { pid: 1 }, since: 0 } as Member;
    this.members.set(key, member);
    return member;
  }
  kill(key: string) {
    this.killed.push(key);
  }
  end(key: string) {
    const member = this.members.get(key);
    this.members.delete(key);
    if (member) this.emit("gone", member, "killed by SIGKILL");
  }
  async terminate(key: string) {
    this.end(key);
  }
}

describe("a program", () => {
  let fleet: FakeFleet;
  let keeper: ProgramKeeper;
  let state: OrganismState;
  let clock: FakeClock;
  beforeEach(() => {
    clock = new FakeClock();
    fleet = new FakeFleet();
    const program = { command: "true", args: [], cwd: tmpdir(), env: {} };
    state = new OrganismState(planOf([planned("press", { kind: "program", program }), planned("paper")]), []);
    const context = {
      fleet,
      state,
      organism: { logDir: tmpdir() },
      config: { defaultStartupTimeout: 1000, healingTimeScale: 1 },
      logger: { warn() {} },
      journal: { append() {}, state: { attempts: {} } },
      restarts: new Restarts(clock, 1),
      clock,
      healing: { begin() {}, failed() {}, attempt() {}, drop() {}, succeeded() {}, onRecord() {}, stepOnRecord() {} },
      changed() {},
      tell() {},
      isStopping: () => false,
      advice: new Advice(),
      policyOf: () => ({ ...NODE_POLICY, attempts: 7, trialEvery: 100_000 }),
      broker: { emit() {} },
    };
    keeper = new ProgramKeeper(context as unknown as KeeperContext);
    fleet.on("gone", ({ key }, how) => keeper.gone(key, how));
  });

  const service = () => state.services.get("press")!;
  const complain = () => {
    const { incarnation } = service().instances.get(KEY)!;
    keeper.judge([{ name: "press", node: KEY, incarnation, status: "unhealthy", why: "no answer", settled: true }]);
  };

  test("that does not answer is killed once, and started when it is gone", async () => {
    await keeper.start(service());
    complain();
    complain();
    expect(fleet.killed).toEqual([KEY]);
    fleet.end(KEY);
    await new Promise((resolve) => setImmediate(resolve));
    expect(fleet.get(KEY)?.incarnation).toBe(2);
  });

  test("is killed again in its next life, also where the operator stopped it in between", async () => {
    await keeper.start(service());
    complain();
    await keeper.stop(service());
    await keeper.start(service());
    complain();
    expect(fleet.killed).toEqual([KEY, KEY]);
  });

  test("that the operator stops while it is being started does not stay", async () => {
    // With a port it is first looked whether somebody else holds that.
    service().planned.program!.port = await freePort();
    const starting = keeper.start(service());
    await keeper.stop(service());
    await starting;
    expect(fleet.get(KEY)).toBeUndefined();
  });

  test("that was stopped while an attempt was being prepared is not started by it", async () => {
    service().planned.dependencies.push("paper");
    Object.assign(state.instance(state.services.get("paper")!, "heart-1"), { status: "unhealthy" });
    keeper.restoreQuarantine(service(), 7);
    expect(state.statusOf(service())).toBe("quarantined");
    // The trial waits for its dependency.
    clock.advance(200_000);
    await keeper.stop(service());
    clock.advance(100_000);
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(fleet.get(KEY)).toBeUndefined();
  });
});
