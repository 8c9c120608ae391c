import type { HealthStatus } from "../../../runtime/node-host/service-health.ts";
import type { SlotState } from "../../../runtime/node-host/slots.ts";
import { massCause } from "./healing/mass-failure.ts";
import { needsOf, rankOf } from "./healing/upstream.ts";
import { forgetAttempts, instanceKey } from "./instance-outcomes.ts";
import type { KeeperContext } from "./keeper-context.ts";
import type { InstanceState, NodeState, ServiceState } from "./organism-state.ts";
import { ORCHESTRATOR_NODE } from "./placement.ts";
import type { ServiceKeeper } from "./service-keeper.ts";

/** Attempts at a node after which its next end is held against what was being started there. */
const SUSPICIOUS = 2;

/** What the health monitor found of one instance, after its hysteresis. */
export interface HealthVerdict {
  name: string;
  node: string;
  incarnation: number;
  status: HealthStatus;
  why: string;
  /** False while the last answers were bad and are not enough for another verdict yet. */
  settled: boolean;
}

/** Takes what nodes and the health monitor tell of services, and enters it into the observed state. */
export class ServiceReports {
  readonly #context: KeeperContext;
  readonly #services: ServiceKeeper;
  readonly #nodeIll: (node: NodeState, why: string) => Promise<void>;

  /** @param nodeIll restarts the process of a node whose services failed together */
  constructor(
    context: KeeperContext,
    services: ServiceKeeper,
    nodeIll: (node: NodeState, why: string) => Promise<void>,
  ) {
    this.#context = context;
    this.#services = services;
    this.#nodeIll = nodeIll;
  }

  /** A node that was there already carries this. */
  found(node: NodeState, slot: SlotState): void {
    const service = this.#context.state.services.get(slot.name);
    if (!service || !node.services.has(slot.name) || service.stopped) {
      void this.#context.commands.unload(node.id, slot.name).catch(() => {});
      return;
    }
    const instance = this.#context.state.instance(service, node.id);
    const key = instanceKey(slot.name, node.id);
    // A journal that was lost must not make numbers be used again.
    if ((this.#context.journal.state.incarnations[key] ?? 0) < slot.incarnation) {
      this.#context.journal.append({ type: "incarnation", key, incarnation: slot.incarnation });
    }
    if (instance.presence === "loaded" || this.#services.isAwaited(slot.name, node.id)) return;
    if (instance.status === "quarantined") {
      // A former orchestrator had given it up and died before it was off its node.
      void this.#context.commands.unload(node.id, slot.name).catch(() => {});
      return;
    }
    if (instance.presence === "loading" && slot.status === "started") {
      this.#services.outcomes.started(service, instance, slot);
      return;
    }
    Object.assign(instance, { pid: slot.pid, incarnation: slot.incarnation, startedAt: slot.startedAt ?? Date.now() });
    service.firstStart ||= instance.startedAt;
    if (slot.status === "started") Object.assign(instance, { presence: "loaded", status: "healthy", why: "" });
    else if (slot.status === "failed")
      this.#services.outcomes.fail(service, instance, "start failed", slot.error ?? "its start failed", "failed");
    else Object.assign(instance, { presence: "loading", status: "starting" });
  }

  /** A service told of itself that it has started or failed; it matters where nobody waited for the answer. */
  reported(slot: SlotState & { event: string }): void {
    const service = this.#context.state.services.get(slot.name);
    const instance = service?.instances.get(slot.node);
    if (!service || !instance || instance.incarnation !== slot.incarnation || instance.presence !== "loading") return;
    if (this.#services.isAwaited(slot.name, slot.node)) return;
    if (slot.event === "started") this.#services.outcomes.started(service, instance, slot);
    else if (slot.event === "failed")
      this.#services.outcomes.fail(service, instance, "start failed", slot.error ?? "its start failed", "failed");
    this.#context.changed();
  }

  isLoadingOn(node: string): boolean {
    return [...this.#context.state.services.values()].some(
      ({ instances }) => instances.get(node)?.presence === "loading",
    );
  }

  /** True if instances of the node are being started and nobody waits for the answer: it has to be asked how they are. */
  isUnclear(node: string): boolean {
    return [...this.#context.state.services.values()].some(({ planned, instances }) => {
      const instance = instances.get(node);
      return instance?.presence === "loading" && !this.#services.isAwaited(planned.name, node);
    });
  }

  /** What was commanded and never arrived is commanded again. */
  forgetLost(node: NodeState, carried: ReadonlySet<string>): void {
    for (const { planned, instances } of this.#context.state.services.values()) {
      const instance = instances.get(node.id);
      const lost =
        instance?.presence === "loading" &&
        !carried.has(planned.name) &&
        !this.#services.isAwaited(planned.name, node.id);
      if (lost) Object.assign(instance, { presence: "none", status: "waiting" });
    }
  }

  /**
   * The process of a node has ended, and with it all that it carried.
   * @param crashed nobody wanted it; what was being started then may be why
   */
  nodeGone(node: NodeState, why: string, crashed = false): void {
    const { state, healing, restarts } = this.#context;
    const again = crashed && restarts.state(node.id).attempts >= SUSPICIOUS;
    for (const service of state.services.values()) {
      const instance = service.instances.get(node.id);
      if (!instance) continue;
      if (instance.status === "quarantined" && node.services.has(service.planned.name)) {
        // A new process is no reason to try again what was given up.
        Object.assign(instance, { presence: "none", pid: 0 });
        continue;
      }
      const key = instanceKey(service.planned.name, node.id);
      const wasStarting = crashed && instance.presence === "loading" && node.services.has(service.planned.name);
      if (wasStarting && (again || restarts.state(key).attempts > 0)) {
        // Its attempts count on, so that one that takes its process along is given up as any other.
        instance.pid = 0;
        this.#services.outcomes.fail(service, instance, "start failed", `${why} while it was starting`, "none");
        continue;
      }
      forgetAttempts(this.#context, key);
      healing.drop(key);
      const wasThere = instance.presence !== "none";
      instance.awaits = "";
      Object.assign(instance, {
        presence: "none",
        pid: 0,
        status: node.services.has(service.planned.name) ? "unhealthy" : "stopped",
        why,
      });
      if (instance.status === "stopped") service.instances.delete(node.id);
      if (wasThere) this.#services.outcomes.tell(service, instance, "stopped");
    }
  }

  /** The health monitor's verdicts of one round. */
  judge(verdicts: readonly HealthVerdict[]): void {
    const failing: Ill[] = [];
    let changed = false;
    for (const verdict of verdicts) {
      const { name, node, incarnation, status, why } = verdict;
      const service = this.#context.state.services.get(name);
      const instance = service?.instances.get(node);
      if (!service || !instance || instance.presence !== "loaded" || instance.incarnation !== incarnation) continue;
      if (instance.status === status || instance.status === "quarantined") continue;
      // What was ill has not recovered by answering badly for the first time in its new life.
      if (instance.status === "unhealthy" && !verdict.settled) continue;
      changed = true;
      if (status === "unhealthy") failing.push({ service, instance, why });
      else this.#recovered(service, instance, status, why);
    }
    this.#fail(failing);
    if (changed) this.#context.changed();
  }

  #recovered(service: ServiceState, instance: InstanceState, status: HealthStatus, why: string): void {
    const { restarts, healing, policyOf } = this.#context;
    const key = instanceKey(service.planned.name, instance.node);
    const wasIll = instance.status === "unhealthy";
    Object.assign(instance, { status, awaits: "", why: status === "healthy" ? "" : why });
    if (!wasIll) return;
    this.#services.outcomes.tell(service, instance, "recovered");
    if (restarts.state(key).phase === "running") return;
    restarts.succeeded(key, policyOf(service.planned));
    const reason = healing.isWaiting(key)
      ? "it recovered by itself once the cause was gone"
      : "it recovered before the next attempt";
    healing.succeeded(key, status, reason);
  }

  /** Those that failed in one round: many at once have one cause, and only that is healed. */
  #fail(failing: readonly Ill[]): void {
    const { state } = this.#context;
    const rank = rankOf(state);
    const ordered = [...failing].sort((a, b) => rank(a.service.planned.name) - rank(b.service.planned.name));
    const cause = massCause(
      ordered.map(({ service, instance }) => ({ service: service.planned.name, node: instance.node })),
      { rank, needs: (name) => needsOf(state, name), on: (node) => [...(state.nodes.get(node)?.services ?? [])] },
    );
    if (cause) this.#context.logger.warn(`a mass failure: ${cause.why}`, { ...cause });
    const node = cause?.kind === "node" ? state.nodes.get(cause.node) : undefined;
    if (node && cause && !node.remote && node.id !== ORCHESTRATOR_NODE) {
      void this.#nodeIll(node, cause.why);
      return;
    }
    const first = cause?.kind === "upstream" ? cause.service : cause?.kind === "unknown" ? cause.first : undefined;
    for (const { service, instance, why } of ordered) {
      if (first === undefined || service.planned.name === first)
        this.#services.outcomes.fail(service, instance, "unhealthy", why, "loaded");
      else this.#services.outcomes.failWith(service, instance, first, why, cause!.why);
    }
  }
}

interface Ill {
  service: ServiceState;
  instance: InstanceState;
  why: string;
}
