import type { Failure } from "../../../models/healing.ts";
import type { PlannedService } from "../../../runtime/discovery/plan.ts";
import type { SlotState } from "../../../runtime/node-host/slots.ts";
import { decideQuarantine, entryOf } from "./healing/ladder.ts";
import { NODE_POLICY } from "./healing/policy.ts";
import { describeWait } from "./healing/restarts.ts";
import { downDependency } from "./healing/upstream.ts";
import type { KeeperContext, ServiceEvent } from "./keeper-context.ts";
import type { InstanceState, NodeState, ServiceState } from "./organism-state.ts";

/** What follows from the start of an instance, from its being up, and from its failing. */
export class InstanceOutcomes {
  readonly #context: KeeperContext;
  readonly #retry: (service: ServiceState, instance: InstanceState, attempt: number) => Promise<void>;
  readonly #isolate: (service: ServiceState, instance: InstanceState) => void;

  /**
   * @param retry makes the next attempt at an instance that failed
   * @param isolate takes an instance that was given up off its node
   */
  constructor(
    context: KeeperContext,
    retry: (service: ServiceState, instance: InstanceState, attempt: number) => Promise<void>,
    isolate: (service: ServiceState, instance: InstanceState) => void,
  ) {
    this.#context = context;
    this.#retry = retry;
    this.#isolate = isolate;
  }

  /** All that belongs on the node is there again: its healing is over. */
  nodeServed(node: NodeState): void {
    const { healing, restarts } = this.#context;
    restarts.succeeded(node.id, NODE_POLICY);
    healing.succeeded(
      node.id,
      `up, ${node.services.size} ${node.services.size === 1 ? "service" : "services"} started`,
      "its process was started again and carries all its services",
    );
  }

  enterStart(service: ServiceState, instance: InstanceState): number {
    const { journal } = this.#context;
    const key = instanceKey(service.planned.name, instance.node);
    const incarnation = (journal.state.incarnations[key] ?? 0) + 1;
    journal.append({ type: "incarnation", key, incarnation });
    Object.assign(instance, { presence: "loading", status: "starting", incarnation, startedAt: Date.now(), why: "" });
    service.firstStart ||= instance.startedAt;
    this.tell(service, instance, "starting");
    return incarnation;
  }

  /** Returns what ends the watch. */
  watchStart(service: ServiceState, instance: InstanceState): () => void {
    const limit = service.planned.startupTimeout ?? this.#context.config.defaultStartupTimeout;
    const { incarnation } = instance;
    return this.#context.clock.after(limit, () => {
      if (instance.incarnation !== incarnation || instance.status !== "starting") return;
      Object.assign(instance, {
        status: "timeout",
        why: `it has not started within ${limit / 1000} s, and is still trying`,
      });
      this.tell(service, instance, "timeout");
      this.#context.changed();
    });
  }

  started(service: ServiceState, instance: InstanceState, slot: SlotState): void {
    const { restarts, healing, journal, policyOf } = this.#context;
    const key = instanceKey(service.planned.name, instance.node);
    Object.assign(instance, { presence: "loaded", awaits: "", pid: slot.pid, incarnation: slot.incarnation });
    const status = slot.health?.status ?? "healthy";
    if (status === "unhealthy") {
      this.fail(service, instance, "unhealthy", describeChecks(slot.health!.checks), "loaded");
      return;
    }
    Object.assign(instance, { status, why: status === "healthy" ? "" : describeChecks(slot.health!.checks) });
    this.tell(service, instance, "started");
    if (restarts.state(key).phase !== "idle") {
      restarts.succeeded(key, policyOf(service.planned));
      journal.append({ type: "attempts", key, attempts: restarts.state(key).attempts, exhausted: false });
      healing.succeeded(key, status, "it was restarted in its process and answers");
    } else {
      // Somebody else has restarted it: no attempt of the ladder has helped, and the next failure is another case.
      healing.drop(key);
    }
    this.checkServed(instance.node);
  }

  startFailed(service: ServiceState, instance: InstanceState, incarnation: number, error: unknown): void {
    if (instance.incarnation !== incarnation || instance.presence !== "loading") return;
    const { type, message } = error as { type?: string; message: string };
    // The node died meanwhile, which is dealt with where it is noticed.
    if (type !== "START_FAILED" && type !== "CONFLICT" && type !== "SERVICE_UNKNOWN") return;
    this.fail(service, instance, "start failed", message, type === "SERVICE_UNKNOWN" ? "none" : "failed");
    this.checkServed(instance.node);
  }

  fail(
    service: ServiceState,
    instance: InstanceState,
    failure: Failure,
    why: string,
    presence: InstanceState["presence"],
  ): void {
    const { healing, isStopping, state } = this.#context;
    const { name } = service.planned;
    const key = instanceKey(name, instance.node);
    Object.assign(instance, { presence, status: "unhealthy", awaits: "" });
    if (isStopping() || service.stopped) return;
    const upstream = downDependency(state, service);
    healing.failed(key, "unhealthy", why);
    healing.begin(key, {
      target: { service: name, node: instance.node },
      failure: upstream ? "dependency down" : failure,
      before: `unhealthy: ${why}`,
      detection: 0,
      evidence: [why, ...(upstream ? [this.#describeDown(upstream)] : [])],
      signature: this.#context.advice.signature(failure, name, why),
    });
    if (upstream) {
      this.awaitOther(service, instance, upstream.planned.name, `${why}; ${this.#describeDown(upstream)}`);
      this.tell(service, instance, "unhealthy");
    } else this.climb(service, instance, why, failure === "unhealthy" ? "unhealthy" : "failed");
  }

  /** It failed together with others, of which one is dealt with first. */
  failWith(service: ServiceState, instance: InstanceState, first: string, why: string, cause: string): void {
    const { name } = service.planned;
    instance.status = "unhealthy";
    this.#context.healing.begin(instanceKey(name, instance.node), {
      target: { service: name, node: instance.node },
      failure: "dependency down",
      before: `unhealthy: ${why}`,
      detection: 0,
      evidence: [why, cause],
      signature: this.#context.advice.signature("dependency down", name, why),
    });
    this.awaitOther(service, instance, first, `${why}; ${cause}`);
    this.tell(service, instance, "unhealthy");
  }

  /** It is not restarted now: what another one does decides whether it has to be. */
  awaitOther(service: ServiceState, instance: InstanceState, other: string, why: string): void {
    const { healing } = this.#context;
    Object.assign(instance, { awaits: other, why: `${why}; it waits for ${other}` });
    healing.attempt(instanceKey(service.planned.name, instance.node), {
      attempt: 0,
      action: "wait",
      decision: {
        chosen: "wait",
        why: `${why}; its own restart would not help before ${other} is well`,
        alternatives: [{ action: "restart-in-place", why: `the cause is ${other}, not the service itself` }],
      },
    });
  }

  /** Takes the next step of the ladder. */
  climb(service: ServiceState, instance: InstanceState, why: string, event: ServiceEvent["event"]): void {
    const { restarts, healing, journal, policyOf, advice } = this.#context;
    const key = instanceKey(service.planned.name, instance.node);
    const policy = policyOf(service.planned);
    const first = restarts.state(key).attempts === 0;
    const entry = first ? entryOf(advice.for(healing.signatureOf(key)), policy.attempts) : 1;
    const next = restarts.failed(key, policy, (attempt) => void this.#retry(service, instance, attempt), entry);
    journal.append({ type: "attempts", key, attempts: next.attempts, exhausted: next.phase === "exhausted" });
    instance.why = `${why}; ${describeWait(next)}`;
    if (next.phase !== "exhausted") {
      this.tell(service, instance, event);
      return;
    }
    instance.status = "quarantined";
    healing.gaveUp(key, why, decideQuarantine(next.attempts, next.flapping));
    this.tell(service, instance, "quarantined");
    this.#isolate(service, instance);
  }

  #describeDown(upstream: ServiceState): string {
    return `its dependency ${upstream.planned.name} is ${this.#context.state.statusOf(upstream)}`;
  }

  /** Ends the healing of a node whose services are all there. */
  checkServed(id: string): void {
    const { state, healing } = this.#context;
    const node = state.nodes.get(id);
    if (!node || !healing.isOpen(id)) return;
    const pending = [...node.services].some((name) => {
      const service = state.services.get(name);
      const instance = service?.instances.get(id);
      // What was given up does not come.
      if (!service || service.stopped || instance?.status === "quarantined") return false;
      return !instance || instance.presence === "none" || instance.presence === "loading";
    });
    if (!pending) this.nodeServed(node);
  }

  tell(service: ServiceState, instance: InstanceState, event: ServiceEvent["event"]): void {
    tellInstance(this.#context, service, instance, event);
  }
}

/** Says what has become of one instance. */
export function tellInstance(
  { tell }: KeeperContext,
  { planned }: ServiceState,
  { node, incarnation, why }: InstanceState,
  event: ServiceEvent["event"],
): void {
  tell({ name: planned.name, node, incarnation, event, ...(why ? { why } : {}) });
}

/** Attempts at the target no longer count, now and after the orchestrator's own death. */
export function forgetAttempts({ restarts, journal }: KeeperContext, key: string): void {
  restarts.forget(key);
  if (journal.state.attempts[key]) journal.append({ type: "attempts", key, attempts: 0, exhausted: false });
}

/** Under which name restarts are counted: a program is its own process, and its own instance. */
export const restartKey = ({ kind, name }: PlannedService, node: string) =>
  kind === "program" ? node : instanceKey(name, node);

export const instanceKey = (service: string, node: string) => `${service}@${node}`;

export function describeChecks(checks: Record<string, unknown>): string {
  const parts = Object.entries(checks).map(
    ([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return parts.length > 0 ? parts.join(", ").slice(0, 300) : "its health check says so";
}
