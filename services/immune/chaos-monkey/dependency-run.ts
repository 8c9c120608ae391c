import type { Topology } from "../../../models/topology.ts";
import { type Clock, sleep } from "../../../runtime/clock.ts";
import type { CallPair } from "../../../runtime/faults/call-faults.ts";
import type { NodeFault } from "../../../runtime/faults/node-fault.ts";
import type { Caller } from "./call-probe.ts";
import { dependencyFindings, type FailureSeen, mergePairs, pairsSince } from "./dependency-verdict.ts";
import { Guard, type GuardOptions } from "./guard.ts";
import { type DependencyReport, say } from "./report.ts";
import { isWell } from "./topology.ts";
import { keepCalling, tryActions } from "./traffic.ts";

export interface DependencyWorld {
  clock: Clock;
  topology(): Promise<Topology | undefined>;
  untilCalm(within: number, isStopped: () => boolean): Promise<string | undefined>;
  inject(node: string, run: string, duration: number, fault: NodeFault): Promise<unknown>;
  undo(run: string, nodes: readonly string[]): Promise<string[]>;
  /** Calls counted on a node since `watch-calls` began. */
  pairs(node: string): Promise<CallPair[]>;
  call: Caller;
}

export interface DependencyOptions {
  /** Time for which each service fails, ms. */
  each: number;
  /** Actions that are called meanwhile, so that there is something to see. */
  actions: readonly string[];
  /** Services to test. @default all that are no runtime systems */
  only?: readonly string[];
}

const CALM_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 100;
/** A service that refuses opens no breakers, which one that breaks would: the next one's test must not suffer from this. */
const REFUSES = { message: "chaos: this service is being tested as a dependency", code: 424 };

/** Anybody may turn out to depend on it, but the organism must not stay critical. */
const BOUNDS: Pick<GuardOptions, "radius" | "stop"> = {
  radius: { services: "all", nodes: 0 },
  stop: [{ kind: "status-critical-for", ms: 5000 }],
};

/** Lets one service after the other fail its callers, and sees who minds. */
export class DependencyRun {
  readonly report: DependencyReport;
  readonly #world: DependencyWorld;
  readonly #options: DependencyOptions;

  constructor(world: DependencyWorld, options: DependencyOptions, id: string) {
    this.#world = world;
    this.#options = options;
    this.report = {
      id,
      kind: "dependencies",
      startedAt: new Date(world.clock.now()).toISOString(),
      status: "running",
      hypothesisHeld: null,
      tested: [],
      findings: [],
      callGraph: [],
      timeline: [],
    };
  }

  stop(why: string): void {
    this.report.stopped ??= why;
  }

  async run(): Promise<DependencyReport> {
    const { report } = this;
    const { undo } = this.#world;
    const before = await this.#world.topology();
    if (!before) {
      report.status = "stopped";
      report.stopped = "the orchestrator does not tell how the organism is";
      return report;
    }
    const nodes = before.nodes.filter(({ status }) => status === "up").map(({ id }) => id);
    const targets = before.services.filter(
      ({ name, kind, runtimeSystem, status, instances }) =>
        kind === "service" &&
        !runtimeSystem &&
        isWell(status) &&
        instances.length > 0 &&
        (this.#options.only?.includes(name) ?? true),
    );
    const { clock, call } = this.#world;
    const { actions } = this.#options;
    const { working, failing } = await tryActions(actions, call, clock, () => report.stopped !== undefined);
    for (const { action, why } of failing)
      say(report, `${action} is left out, because it fails by itself: ${why}`, clock.now());
    const stopTraffic = keepCalling(working, call, clock);
    const seen: FailureSeen[] = [];
    let all: CallPair[] = [];
    try {
      const budget = Math.min(30 * 60_000, (targets.length + 1) * (this.#options.each + CALM_WITHIN_MS));
      for (const node of nodes) await this.#world.inject(node, report.id, budget, { kind: "watch-calls" });
      for (const { name, instances } of targets) {
        if (report.stopped !== undefined) break;
        const unrest = await this.#world.untilCalm(CALM_WITHIN_MS, () => report.stopped !== undefined);
        if (unrest) {
          this.stop(`${name} could not be tested: ${unrest}`);
          break;
        }
        seen.push(
          await this.#test(
            name,
            instances.map(({ node }) => node),
            nodes,
            before,
          ),
        );
        report.tested.push(name);
      }
      all = await this.#pairs(nodes);
    } catch (error) {
      this.stop((error as Error).message);
    } finally {
      stopTraffic();
      await undo(report.id, nodes);
    }
    report.findings = dependencyFindings(before.services, seen, all);
    const known = new Set(before.services.map(({ name }) => name));
    report.callGraph = all
      .filter(({ caller, callee }) => known.has(caller) && known.has(callee) && caller !== "chaos-monkey")
      .map(({ caller, callee, calls }) => ({ caller, callee, calls }));
    report.status = report.stopped === undefined ? "done" : "stopped";
    const isTested = report.findings.length === 0 || report.findings.some(({ observed }) => observed !== "untested");
    report.hypothesisHeld =
      report.stopped === undefined && isTested ? report.findings.every(({ verdict }) => !/ edge/.test(verdict)) : null;
    report.endedAt = new Date(clock.now()).toISOString();
    return report;
  }

  async #test(name: string, hosts: string[], nodes: readonly string[], before: Topology): Promise<FailureSeen> {
    const { clock } = this.#world;
    const { each } = this.#options;
    const wasHealthy = new Set(before.services.filter(({ status }) => status === "healthy").map((one) => one.name));
    const counted = await this.#pairs(nodes);
    // It ends by itself, because undoing the run would end the counting too.
    for (const host of hosts)
      await this.#world.inject(host, this.report.id, each, {
        kind: "fail-calls",
        service: name,
        share: 1,
        health: false,
        ...REFUSES,
      });
    const ill = new Set<string>();
    const end = clock.now() + each;
    const guard = new Guard({
      ...BOUNDS,
      before,
      target: { words: name, nodes: [], services: [name] },
      since: end - each,
    });
    while (clock.now() < end && this.report.stopped === undefined) {
      await sleep(clock, Math.min(LOOK_EVERY_MS, end - clock.now()));
      const topology = await this.#world.topology();
      const why = guard.look(topology, 0, clock.now());
      if (why) this.stop(`while ${name} failed: ${why}`);
      for (const one of topology?.services ?? [])
        if (one.name !== name && one.status !== "healthy" && wasHealthy.has(one.name)) ill.add(one.name);
    }
    const pairs = pairsSince(counted, await this.#pairs(nodes));
    const callers = pairs.filter(
      ({ callee, caller }) => callee === name && before.services.some((s) => s.name === caller),
    );
    say(
      this.report,
      `${name} failed for ${each} ms: called by ${callers.map(({ caller }) => caller).join(", ") || "no service"}; ill: ${[...ill].join(", ") || "none"}`,
      clock.now(),
    );
    return { failed: name, ill, pairs };
  }

  async #pairs(nodes: readonly string[]): Promise<CallPair[]> {
    return mergePairs(await Promise.all(nodes.map((node) => this.#world.pairs(node))));
  }
}
