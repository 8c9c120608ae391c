import { PACKAGE_ROOT } from "../../../runtime/node-executable.ts";
import { spawnNode } from "../../../runtime/spawn-process.ts";
import { NODE_POLICY } from "./healing/policy.ts";
import { describeWait } from "./healing/restarts.ts";
import type { InstanceOutcomes } from "./instance-outcomes.ts";
import type { KeeperContext } from "./keeper-context.ts";
import { NodeFailures, tellNode } from "./node-failures.ts";
import type { NodeState } from "./organism-state.ts";

import type { ServiceReports } from "./service-reports.ts";

/** Time in which a node that was told to stop must have drained and ended, ms. */
const DRAIN_LIMIT_MS = 10_000;
/** Time in which a node's process must be on the bus, ms. */
const NODE_START_TIMEOUT_MS = 30_000;

/** Keeps the wanted nodes of this machine running, and notices those of other machines. */
export class NodeKeeper {
  readonly #context: KeeperContext;
  readonly #services: ServiceReports;
  readonly #outcomes: InstanceOutcomes;
  readonly failures: NodeFailures;
  /** Nodes whose end is wanted; it is no failure then. */
  readonly #expected = new Set<string>();

  constructor(context: KeeperContext, services: ServiceReports, outcomes: InstanceOutcomes) {
    this.#context = context;
    this.#services = services;
    this.#outcomes = outcomes;
    this.failures = new NodeFailures(
      context,
      (node) => services.isLoadingOn(node),
      (node, why) => this.remoteGone(node, why),
    );
  }

  /** Starts a node that is wanted and not there, unless its next attempt is being waited for. */
  ensure(node: NodeState): void {
    const { fleet, restarts } = this.#context;
    if (node.remote || fleet.get(node.id) || node.status !== "down") return;
    if (restarts.state(node.id).phase === "idle") void this.#start(node);
  }

  /** A process that is no longer wanted: it drains and ends. */
  async retire(node: NodeState): Promise<void> {
    if (node.status === "stopping" || node.status === "down") return;
    await this.stop(node, false);
    this.forget(node);
    this.#context.changed();
  }

  /** It is no longer wanted, and has no process: nothing of it is waited for any longer. */
  forget(node: NodeState): void {
    const { state, restarts, healing } = this.#context;
    restarts.forget(node.id);
    healing.drop(node.id);
    if (state.nodes.get(node.id) === node) state.nodes.delete(node.id);
  }

  /** Stops a node's process: by its own drain, then SIGTERM, then SIGKILL to its group. */
  async stop(node: NodeState, comingBack: boolean): Promise<void> {
    const { fleet, commands, restarts } = this.#context;
    this.#expected.add(node.id);
    restarts.forget(node.id);
    node.status = "stopping";
    node.why = "it is being stopped";
    const gone = this.#untilGone(node.id);
    // One that is not on the bus yet, or no longer, carries nothing that could be drained.
    const told = await commands.shutdown(node.id, comingBack).then(
      () => true,
      () => false,
    );
    const drained =
      told &&
      (await Promise.race([
        gone.then(() => true),
        new Promise((resolve) => setTimeout(resolve, DRAIN_LIMIT_MS, false)),
      ]));
    if (!drained) await fleet.terminate(node.id);
  }

  /** Starts the process anew; what it carries comes back by itself. */
  async restart(node: NodeState): Promise<void> {
    if (node.status === "up") await this.stop(node, true);
    else {
      // It may be starting or hang, and would otherwise live on beside a state that calls it down.
      this.#expected.add(node.id);
      await this.#context.fleet.terminate(node.id);
    }
    this.#expected.delete(node.id);
    node.status = "down";
    this.#context.restarts.forget(node.id);
    this.#context.changed();
  }

  /** Looks whether nodes have come onto the bus. To be called when the registry changes. */
  noticeArrivals(): void {
    for (const node of this.#context.state.nodes.values()) {
      if (node.status === "starting" && this.#context.commands.reachable(node.id)) void this.#arrived(node);
    }
  }

  /** Asks nodes what they carry where an answer got lost, with the bus for example. */
  async resync(): Promise<void> {
    this.noticeArrivals();
    for (const node of this.#context.state.nodes.values()) {
      if (node.status !== "up" || !this.#services.isUnclear(node.id)) continue;
      const told = await this.#context.commands.state(node.id).catch(() => undefined);
      if (!told) continue;
      for (const slot of told.slots) this.#services.found(node, slot);
      this.#services.forgetLost(node, new Set(told.slots.map(({ name }) => name)));
      this.#context.changed();
    }
  }

  /** A node of another machine is there. */
  remoteArrived(node: NodeState, host: string, pid: number): void {
    if (node.status === "up") return;
    Object.assign(node, { status: "starting", host, pid, since: Date.now(), why: "it has joined" });
    this.noticeArrivals();
  }

  remoteGone(node: NodeState, why = "it left, or its machine cannot be reached"): void {
    node.status = "down";
    node.why = why;
    tellNode(this.#context, node);
    this.#services.nodeGone(node, `${node.id} is gone`);
    this.#context.changed();
  }

  /** Takes over a process that was running when the orchestrator came. */
  adopt(node: NodeState): void {
    const member = this.#context.fleet.get(node.id);
    if (!member) return;
    Object.assign(node, {
      status: "starting",
      pid: member.identity.pid,
      incarnation: member.incarnation,
      since: member.since,
      host: "local",
    });
    this.noticeArrivals();
  }

  /** The process of a node has ended. */
  gone(id: string, how: string): void {
    const { state, restarts, healing } = this.#context;
    const node = state.nodes.get(id);
    const verdict = this.failures.take(id) ?? { failure: "crashed" as const, silentFor: 0 };
    if (!node) return;
    const expected = this.#expected.delete(id) || this.#context.isStopping();
    Object.assign(node, {
      status: "down",
      pid: 0,
      cpu: 0,
      memory: 0,
      loopDelayP99: 0,
      uptime: 0,
      breakers: [],
      trouble: "",
    });
    if (expected) {
      this.#services.nodeGone(node, `${id} was stopped`);
      return;
    }
    const silent = `${(verdict.silentFor / 1000).toFixed(1)} s`;
    const reason = verdict.failure === "hung" ? `hung for ${silent} and was killed` : (verdict.why ?? how);
    this.#context.logger.warn(`${id} is down: ${reason}`);
    healing.failed(id, "down", reason);
    healing.begin(id, {
      target: { node: id },
      failure: verdict.failure,
      before: `down: ${reason}`,
      detection: verdict.silentFor,
      evidence: [reason === how ? `its process has ended: ${how}${hint(how)}` : reason],
      signature: this.#context.advice.signature(verdict.failure, id, reason),
    });
    tellNode(this.#context, node);
    const next = restarts.failed(id, NODE_POLICY, (attempt) => void this.#start(node, attempt));
    node.why = `${reason}; ${describeWait(next)}`;
    this.#services.nodeGone(node, `${id} ${reason}`, true);
    this.#context.changed();
  }

  async #start(node: NodeState, attempt = 0): Promise<void> {
    const { fleet, state, organism, healing, logger, isStopping } = this.#context;
    if (isStopping()) return;
    node.status = "starting";
    node.why = "its process is starting";
    node.host = "local";
    healing.attempt(node.id, {
      attempt,
      action: "restart-process",
      decision: {
        chosen: "restart-process",
        why: "a process that has ended can only be started again; what it carries comes back with it",
        alternatives: [{ action: "restart-in-place", why: "there is no process to restart a service in" }],
      },
    });
    const recorded = healing.stepOnRecord(node.id);
    if (recorded) {
      await recorded;
      // The operator may have stopped it meanwhile, or everything is being stopped.
      if (isStopping() || node.status !== "starting" || state.nodes.get(node.id) !== node) return;
    }
    try {
      const member = await fleet.spawn(node.id, () =>
        spawnNode(node.id, node.organ, organism, state.plan, this.#context.journal.state.nodeOptions[node.id]),
      );
      Object.assign(node, { pid: member.identity.pid, incarnation: member.incarnation, since: member.since });
      setTimeout(() => {
        if (node.status !== "starting" || fleet.get(node.id) !== member) return;
        this.failures.late(node.id, NODE_START_TIMEOUT_MS);
      }, NODE_START_TIMEOUT_MS).unref();
    } catch (error) {
      logger.error(`${node.id} cannot be started in ${PACKAGE_ROOT}`, error);
      node.status = "down";
      this.gone(node.id, `cannot be started: ${(error as Error).message}`);
    }
  }

  async #arrived(node: NodeState): Promise<void> {
    const { commands, restarts, state } = this.#context;
    node.status = "up";
    node.why = "";
    tellNode(this.#context, node);
    try {
      const { slots, epoch } = await commands.state(node.id);
      this.#context.outdo(epoch);
      for (const slot of slots) this.#services.found(node, slot);
    } catch {
      // It went away again in this moment; its end is noticed elsewhere.
      if (state.nodes.get(node.id) === node && node.status === "up") node.status = "starting";
      return;
    }
    // One that carries nothing, or only what was given up, is whole already.
    if (restarts.state(node.id).phase === "running") this.#outcomes.checkServed(node.id);
    this.#context.changed();
  }

  #untilGone(id: string): Promise<void> {
    const { fleet } = this.#context;
    if (!fleet.get(id)) return Promise.resolve();
    return new Promise((resolve) => {
      const listen = (member: { key: string }) => {
        if (member.key !== id) return;
        fleet.off("gone", listen);
        resolve();
      };
      fleet.on("gone", listen);
    });
  }
}

/** What a way to end says of its cause. */
function hint(how: string): string {
  if (how.includes("SIGABRT")) return ", as Node ends when its heap is full";
  return how === "exit code 70" ? ", on an error that nobody caught; its log has it" : "";
}
