import { relative } from "node:path";
import type { HealthStatus } from "../../../runtime/node-host/service-health.ts";
import type { SlotState } from "../../../runtime/node-host/slots.ts";
import type { KeeperContext, ServiceEvent } from "./keeper-context.ts";
import type { InstanceState, NodeState, ServiceState } from "./organism-state.ts";
import { describeWait } from "./restarts.ts";

/** What the health monitor found of one instance, after its hysteresis. */
export interface HealthVerdict {
  name: string;
  node: string;
  incarnation: number;
  status: HealthStatus;
  why: string;
}

/** Loads services into their nodes, and restarts in place those that fail there. */
export class ServiceKeeper {
  readonly #context: KeeperContext;
  /** Starts under way. */
  starting = 0;
  /** Instances whose start somebody waits for. */
  readonly #awaited = new Set<string>();

  constructor(context: KeeperContext) {
    this.#context = context;
  }

  /** Starts an instance that is wanted and not there. Never throws: a failure is healed. */
  async load(service: ServiceState, instance: InstanceState, attempt = 0): Promise<void> {
    const { commands, healing, state } = this.#context;
    const { name, file } = service.planned;
    const key = instanceKey(name, instance.node);
    const node = state.nodes.get(instance.node);
    if (attempt > 0) healing.attempt(key, attempt, "start");
    const incarnation = this.#enterStart(service, instance);
    const path = node?.remote ? relative(state.plan.project.services, file) : file;
    const timer = this.#watchStart(service, instance);
    this.starting++;
    this.#awaited.add(key);
    try {
      const slot = await commands.load(instance.node, service.planned, path, incarnation);
      this.#started(service, instance, slot);
    } catch (error) {
      this.#startFailed(service, instance, incarnation, error);
    } finally {
      clearTimeout(timer);
      this.starting--;
      this.#awaited.delete(key);
      this.#context.changed();
    }
  }

  /** Restarts an instance in place. Resolves with why it is not up, or nothing. Throws where its node is gone. */
  async restart(service: ServiceState, instance: InstanceState, fresh: boolean): Promise<string | undefined> {
    const { commands } = this.#context;
    const { name } = service.planned;
    const incarnation = this.#enterStart(service, instance);
    const timer = this.#watchStart(service, instance);
    const key = instanceKey(name, instance.node);
    this.#awaited.add(key);
    try {
      const slot = await commands.restart(instance.node, name, incarnation, fresh);
      this.#started(service, instance, slot);
      return slot.health && slot.health.status === "unhealthy" ? describeChecks(slot.health.checks) : undefined;
    } catch (error) {
      this.#startFailed(service, instance, incarnation, error);
      return (error as Error).message;
    } finally {
      clearTimeout(timer);
      this.#awaited.delete(key);
      this.#context.changed();
    }
  }

  async unload(service: ServiceState, instance: InstanceState): Promise<void> {
    const { commands, restarts, healing } = this.#context;
    const key = instanceKey(service.planned.name, instance.node);
    restarts.forget(key);
    healing.drop(key);
    if (instance.presence !== "none") await commands.unload(instance.node, service.planned.name).catch(() => {});
    service.instances.delete(instance.node);
    this.#tell(service, instance, "stopped");
  }

  /** A node that was there already carries this. */
  found(node: NodeState, slot: SlotState): void {
    const service = this.#context.state.services.get(slot.name);
    if (!service || !node.services.has(slot.name) || service.stopped) {
      void this.#context.commands.unload(node.id, slot.name).catch(() => {});
      return;
    }
    const instance = this.#context.state.instance(service, node.id);
    if (instance.presence === "loaded" || this.#awaited.has(instanceKey(slot.name, node.id))) return;
    if (instance.presence === "loading" && slot.status === "started") {
      this.#started(service, instance, slot);
      return;
    }
    Object.assign(instance, { pid: slot.pid, incarnation: slot.incarnation, startedAt: slot.startedAt ?? Date.now() });
    service.firstStart ||= instance.startedAt;
    if (slot.status === "started") Object.assign(instance, { presence: "loaded", status: "healthy", why: "" });
    else if (slot.status === "failed")
      this.#fail(service, instance, "start failed", slot.error ?? "its start failed", "failed");
    else Object.assign(instance, { presence: "loading", status: "starting" });
  }

  /** A service told of itself that it has started or failed; it matters where nobody waited for the answer. */
  reported(slot: SlotState & { event: string }): void {
    const service = this.#context.state.services.get(slot.name);
    const instance = service?.instances.get(slot.node);
    if (!service || !instance || instance.incarnation !== slot.incarnation || instance.presence !== "loading") return;
    if (this.#awaited.has(instanceKey(slot.name, slot.node))) return;
    if (slot.event === "started") this.#started(service, instance, slot);
    else if (slot.event === "failed")
      this.#fail(service, instance, "start failed", slot.error ?? "its start failed", "failed");
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
      return instance?.presence === "loading" && !this.#awaited.has(instanceKey(planned.name, node));
    });
  }

  /** What was commanded and never arrived is commanded again. */
  forgetLost(node: NodeState, carried: ReadonlySet<string>): void {
    for (const { planned, instances } of this.#context.state.services.values()) {
      const instance = instances.get(node.id);
      const lost =
        instance?.presence === "loading" &&
        !carried.has(planned.name) &&
        !this.#awaited.has(instanceKey(planned.name, node.id));
      if (lost) Object.assign(instance, { presence: "none", status: "waiting" });
    }
  }

  /** The process of a node has ended, and with it all that it carried. */
  nodeGone(node: NodeState, why: string): void {
    const { state, restarts, healing } = this.#context;
    for (const service of state.services.values()) {
      const instance = service.instances.get(node.id);
      if (!instance) continue;
      const key = instanceKey(service.planned.name, node.id);
      restarts.forget(key);
      healing.drop(key);
      const wasThere = instance.presence !== "none";
      Object.assign(instance, {
        presence: "none",
        pid: 0,
        status: node.services.has(service.planned.name) ? "unhealthy" : "stopped",
        why,
      });
      if (instance.status === "stopped") service.instances.delete(node.id);
      if (wasThere) this.#tell(service, instance, "stopped");
    }
  }

  /** All that belongs on the node is there again: its healing is over. */
  nodeServed(node: NodeState): void {
    const { healing, restarts } = this.#context;
    restarts.succeeded(node.id);
    healing.succeeded(
      node.id,
      `up, ${node.services.size} services started`,
      "its process was started again and carries all its services",
    );
  }

  /** The health monitor's verdicts of one round. */
  judge(verdicts: readonly HealthVerdict[]): void {
    const { state, restarts, healing } = this.#context;
    let changed = false;
    for (const { name, node, incarnation, status, why } of verdicts) {
      const service = state.services.get(name);
      const instance = service?.instances.get(node);
      if (!service || !instance || instance.presence !== "loaded" || instance.incarnation !== incarnation) continue;
      if (instance.status === status) continue;
      changed = true;
      const key = instanceKey(name, node);
      if (status === "unhealthy") this.#fail(service, instance, "unhealthy", why, "loaded");
      else {
        if (instance.status === "unhealthy" || instance.status === "quarantined")
          this.#tell(service, instance, "recovered");
        Object.assign(instance, { status, why: status === "healthy" ? "" : why });
        if (restarts.state(key).phase === "waiting") {
          restarts.succeeded(key);
          healing.succeeded(key, status, "it recovered before the next attempt");
        }
      }
    }
    if (changed) this.#context.changed();
  }

  /** Takes an instance out of quarantine and tries it once more. */
  release(service: ServiceState, instance: InstanceState): void {
    const key = instanceKey(service.planned.name, instance.node);
    this.#context.restarts.forget(key);
    this.#context.journal.append({ type: "attempts", key, attempts: 0, exhausted: false });
    this.#tell(service, instance, "released");
  }

  #enterStart(service: ServiceState, instance: InstanceState): number {
    const { journal } = this.#context;
    const key = instanceKey(service.planned.name, instance.node);
    const incarnation = (journal.state.incarnations[key] ?? 0) + 1;
    journal.append({ type: "incarnation", key, incarnation });
    Object.assign(instance, { presence: "loading", status: "starting", incarnation, startedAt: Date.now(), why: "" });
    service.firstStart ||= instance.startedAt;
    this.#tell(service, instance, "starting");
    return incarnation;
  }

  #watchStart(service: ServiceState, instance: InstanceState): NodeJS.Timeout {
    const limit = service.planned.startupTimeout ?? this.#context.config.defaultStartupTimeout;
    const { incarnation } = instance;
    return setTimeout(() => {
      if (instance.incarnation !== incarnation || instance.status !== "starting") return;
      Object.assign(instance, {
        status: "timeout",
        why: `it has not started within ${limit / 1000} s, and is still trying`,
      });
      this.#tell(service, instance, "timeout");
      this.#context.changed();
    }, limit);
  }

  #started(service: ServiceState, instance: InstanceState, slot: SlotState): void {
    const { restarts, healing, journal } = this.#context;
    const key = instanceKey(service.planned.name, instance.node);
    Object.assign(instance, { presence: "loaded", pid: slot.pid, incarnation: slot.incarnation });
    const status = slot.health?.status ?? "healthy";
    if (status === "unhealthy") {
      this.#fail(service, instance, "unhealthy", describeChecks(slot.health!.checks), "loaded");
      return;
    }
    Object.assign(instance, { status, why: status === "healthy" ? "" : describeChecks(slot.health!.checks) });
    this.#tell(service, instance, "started");
    if (restarts.state(key).phase !== "idle") {
      restarts.succeeded(key);
      journal.append({ type: "attempts", key, attempts: restarts.state(key).attempts, exhausted: false });
      healing.succeeded(key, status, "it was restarted in its process and answers");
    }
    this.#checkServed(instance.node);
  }

  #startFailed(service: ServiceState, instance: InstanceState, incarnation: number, error: unknown): void {
    if (instance.incarnation !== incarnation || instance.presence !== "loading") return;
    const { type, message } = error as { type?: string; message: string };
    // The node died meanwhile, which is dealt with where it is noticed.
    if (type !== "START_FAILED" && type !== "CONFLICT" && type !== "SERVICE_UNKNOWN") return;
    this.#fail(service, instance, "start failed", message, type === "SERVICE_UNKNOWN" ? "none" : "failed");
    this.#checkServed(instance.node);
  }

  #fail(
    service: ServiceState,
    instance: InstanceState,
    failure: string,
    why: string,
    presence: InstanceState["presence"],
  ): void {
    const { restarts, healing, journal, isStopping } = this.#context;
    const { name } = service.planned;
    const key = instanceKey(name, instance.node);
    Object.assign(instance, { presence, status: "unhealthy" });
    if (isStopping() || service.stopped) return;
    healing.failed(key, "unhealthy", why);
    healing.begin(key, {
      target: { service: name, node: instance.node },
      failure,
      before: `unhealthy: ${why}`,
      detection: 0,
    });
    const next = restarts.failed(key, (attempt) => void this.#attempt(service, instance, attempt));
    journal.append({ type: "attempts", key, attempts: next.attempts, exhausted: next.phase === "exhausted" });
    instance.why = `${why}; ${describeWait(next)}`;
    if (next.phase === "exhausted") {
      instance.status = "quarantined";
      healing.drop(key);
      this.#tell(service, instance, "quarantined");
    } else this.#tell(service, instance, failure === "unhealthy" ? "unhealthy" : "failed");
  }

  async #attempt(service: ServiceState, instance: InstanceState, attempt: number): Promise<void> {
    const key = instanceKey(service.planned.name, instance.node);
    if (service.instances.get(instance.node) !== instance || this.#context.isStopping()) return;
    if (instance.presence !== "loaded") return this.load(service, instance, attempt);
    this.#context.healing.attempt(key, attempt, "restart-in-place");
    await this.restart(service, instance, false);
  }

  #checkServed(id: string): void {
    const { state, healing } = this.#context;
    const node = state.nodes.get(id);
    if (!node || !healing.isOpen(id)) return;
    const pending = [...node.services].some((name) => {
      const service = state.services.get(name);
      const instance = service?.instances.get(id);
      return (
        service && !service.stopped && (!instance || instance.presence === "none" || instance.presence === "loading")
      );
    });
    if (!pending) this.nodeServed(node);
  }

  #tell(service: ServiceState, instance: InstanceState, event: ServiceEvent["event"]): void {
    this.#context.tell({ name: service.planned.name, node: instance.node, incarnation: instance.incarnation, event });
  }
}

export const instanceKey = (service: string, node: string) => `${service}@${node}`;

function describeChecks(checks: Record<string, unknown>): string {
  const parts = Object.entries(checks).map(
    ([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return parts.length > 0 ? parts.join(", ").slice(0, 300) : "its health check says so";
}
