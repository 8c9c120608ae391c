import { relative } from "node:path";
import type { HealingDecision } from "../../../models/healing.ts";
import { decideRung, rungOf } from "./healing/ladder.ts";
import { prepare } from "./healing/preparation.ts";
import { dependenciesOf, isUp } from "./healing/upstream.ts";
import { describeChecks, forgetAttempts, InstanceOutcomes, instanceKey, restartKey } from "./instance-outcomes.ts";
import type { KeeperContext } from "./keeper-context.ts";
import type { InstanceState, ServiceState } from "./organism-state.ts";

/** Calls in flight of an ill service may finish for so long before it is restarted at once, ms. */
const HASTY_DRAIN_MS = 1000;
/** Health rounds that a service gets to recover by itself, once what it waited for is up again. */
const RECOVERY_ROUNDS = 1.5;

const TRIAL: HealingDecision = {
  chosen: "trial",
  why: "it is in quarantine, and what was wrong may be mended meanwhile",
  alternatives: [{ action: "quarantine", why: "without a trial nobody would see that it is well again" }],
};

/** Loads services into their nodes, and restarts in place those that fail there. */
export class ServiceKeeper {
  readonly #context: KeeperContext;
  /** Starts under way. */
  starting = 0;
  /** Instances whose start somebody waits for. */
  readonly #awaited = new Set<string>();
  /** Instances that are being stopped. */
  readonly #leaving = new Set<string>();

  readonly outcomes: InstanceOutcomes;

  constructor(context: KeeperContext) {
    this.#context = context;
    this.outcomes = new InstanceOutcomes(
      context,
      (service, instance, attempt) => this.#attempt(service, instance, attempt),
      (service, instance) => void this.#isolate(service, instance),
    );
  }

  /** True while somebody waits for the answer to a start of this instance. */
  isAwaited(service: string, node: string): boolean {
    return this.#awaited.has(instanceKey(service, node));
  }

  /** Starts an instance that is wanted and not there. Never throws: a failure is healed. */
  async load(service: ServiceState, instance: InstanceState): Promise<void> {
    const { commands, state, journal } = this.#context;
    const { name, file } = service.planned;
    const key = instanceKey(name, instance.node);
    const node = state.nodes.get(instance.node);
    const incarnation = this.outcomes.enterStart(service, instance);
    const path = node?.remote ? relative(state.plan.project.services, file) : file;
    const endWatch = this.outcomes.watchStart(service, instance);
    this.starting++;
    this.#awaited.add(key);
    try {
      const slot = await commands.load(instance.node, service.planned, path, incarnation);
      const limit = journal.state.limits[name];
      if (limit !== undefined) await commands.limit(instance.node, name, limit).catch(() => {});
      this.outcomes.started(service, instance, slot);
    } catch (error) {
      this.outcomes.startFailed(service, instance, incarnation, error);
    } finally {
      endWatch();
      this.starting--;
      this.#awaited.delete(key);
      this.#context.changed();
    }
  }

  /** Restarts an instance in place. Resolves with why it is not up, or nothing. Throws where its node is gone. */
  async restart(
    service: ServiceState,
    instance: InstanceState,
    { fresh, drain }: { fresh: boolean; drain?: number },
  ): Promise<string | undefined> {
    const { commands } = this.#context;
    const { name } = service.planned;
    const incarnation = this.outcomes.enterStart(service, instance);
    const endWatch = this.outcomes.watchStart(service, instance);
    const key = instanceKey(name, instance.node);
    this.#awaited.add(key);
    try {
      const slot = await commands.restart(instance.node, name, incarnation, fresh, drain);
      this.outcomes.started(service, instance, slot);
      return slot.health && slot.health.status === "unhealthy" ? describeChecks(slot.health.checks) : undefined;
    } catch (error) {
      this.outcomes.startFailed(service, instance, incarnation, error);
      return (error as Error).message;
    } finally {
      endWatch();
      this.#awaited.delete(key);
      this.#context.changed();
    }
  }

  async unload(service: ServiceState, instance: InstanceState): Promise<void> {
    const { commands, healing } = this.#context;
    const key = instanceKey(service.planned.name, instance.node);
    if (this.#leaving.has(key)) return;
    this.#leaving.add(key);
    forgetAttempts(this.#context, key);
    healing.drop(key);
    if (instance.presence !== "none") await commands.unload(instance.node, service.planned.name).catch(() => {});
    this.#leaving.delete(key);
    service.instances.delete(instance.node);
    this.outcomes.tell(service, instance, "stopped");
    this.#context.changed();
  }

  /** Takes an instance out of quarantine and tries it once more. */
  release(service: ServiceState, instance: InstanceState): void {
    forgetAttempts(this.#context, restartKey(service.planned, instance.node));
    this.outcomes.tell(service, instance, "released");
  }

  /** Instances that wait for another service look again, now that something has changed. */
  resumeAwaiting(): void {
    const { state } = this.#context;
    for (const service of state.services.values()) {
      for (const instance of service.instances.values()) {
        if (!instance.awaits) continue;
        const other = state.services.get(instance.awaits);
        // One that was given up or stopped decides nothing any more, unless it is needed.
        const needed = other && dependenciesOf(state, service).includes(other);
        const isOver = other && ["quarantined", "stopped"].includes(state.statusOf(other));
        const open = other && !isUp(state, other) && (needed || !isOver);
        if (open) continue;
        instance.awaits = "";
        if (instance.status === "unhealthy") this.#afterOther(service, instance);
      }
    }
  }

  /** What it waited for is well again: it gets the time of a health check to recover by itself, then it is healed. */
  #afterOther(service: ServiceState, instance: InstanceState): void {
    const { clock, config, isStopping } = this.#context;
    const { incarnation, why } = instance;
    const ownWhy = why.replace(/; it waits for .*$/, "");
    instance.why = `${ownWhy}; what it waited for is up again`;
    const wait = instance.presence === "failed" ? 0 : config.healthCheckInterval * RECOVERY_ROUNDS;
    clock.after(wait, () => {
      const stillIll = instance.status === "unhealthy" && instance.incarnation === incarnation && !instance.awaits;
      if (!stillIll || isStopping() || service.instances.get(instance.node) !== instance) return;
      this.outcomes.fail(service, instance, "unhealthy", ownWhy, instance.presence);
      this.#context.changed();
    });
  }

  /** One that was given up in a former life of the orchestrator stays so. */
  restoreQuarantine(service: ServiceState, instance: InstanceState, attempts: number): void {
    const { restarts, policyOf } = this.#context;
    const key = instanceKey(service.planned.name, instance.node);
    Object.assign(instance, { status: "quarantined", why: `given up after ${attempts} attempts` });
    restarts.restoreExhausted(
      key,
      attempts,
      policyOf(service.planned),
      (attempt) => void this.#attempt(service, instance, attempt),
    );
  }

  async #attempt(service: ServiceState, instance: InstanceState, attempt: number): Promise<void> {
    const { healing, advice, restarts, state, policyOf, isStopping } = this.#context;
    const key = instanceKey(service.planned.name, instance.node);
    const standing = restarts.state(key);
    // Its node may die and the operator may act while it is prepared: then it is somebody else's affair.
    const isVoid = () =>
      service.instances.get(instance.node) !== instance || restarts.state(key) !== standing || isStopping();
    if (isVoid()) return;
    const trial = instance.status === "quarantined";
    const rung = trial ? "graceful-restart" : rungOf(attempt);
    const advised = advice.for(healing.signatureOf(key));
    const down = await prepare(this.#context, service, rung, (dependency, one) =>
      this.#revive(dependency, one, service, attempt),
    );
    if (isVoid()) return;
    if (instance.status === "healthy" || instance.status === "degraded") {
      restarts.succeeded(key, policyOf(service.planned));
      healing.succeeded(key, instance.status, "it recovered before the next attempt");
      return;
    }
    if (down && !trial) {
      // What was not made does not count.
      restarts.restore(key, attempt - 1, policyOf(service.planned));
      this.outcomes.awaitOther(service, instance, down.planned.name, `attempt ${attempt} was not made`);
      this.#context.changed();
      return;
    }
    // It is started as soon as its node is there; or is being started already.
    if (instance.presence === "loading" || (!trial && state.nodes.get(instance.node)?.status !== "up")) return;
    if (trial) this.#beginTrial(service, instance);
    const action = instance.presence === "loaded" ? rung : rung === "restart-in-place" ? "start" : rung;
    const decision = trial ? TRIAL : decideRung(attempt, policyOf(service.planned).attempts, advised);
    const shadow = advice.shadow(healing.signatureOf(key));
    const told =
      shadow && shadow !== rung
        ? { ...decision, why: `${decision.why}; experience would have begun with ${shadow}` }
        : decision;
    healing.attempt(key, { attempt, action: trial ? "trial" : action, decision: told, rung });
    const recorded = healing.stepOnRecord(key);
    if (recorded) {
      await recorded;
      if (isVoid() || isUnderway(instance)) return;
    }
    if (instance.presence === "none") return this.load(service, instance);
    const gentle = rung !== "restart-in-place";
    await this.restart(service, instance, gentle ? { fresh: true } : { fresh: false, drain: HASTY_DRAIN_MS });
  }

  /** Restarts a failed instance of what a service needs, once that is on record. */
  async #revive(dependency: ServiceState, instance: InstanceState, service: ServiceState, attempt: number) {
    const { name } = dependency.planned;
    await this.#context.healing.onRecord({
      id: instanceKey(name, instance.node),
      target: { service: name, node: instance.node },
      failure: "unhealthy",
      action: "dependency-restart",
      attempt,
      reason: `${service.planned.name} needs it, and it is ${instance.status}: ${instance.why}`,
    });
    if (instance.status === "unhealthy") await this.restart(dependency, instance, { fresh: true });
  }

  #beginTrial(service: ServiceState, instance: InstanceState): void {
    this.#context.healing.begin(instanceKey(service.planned.name, instance.node), {
      target: { service: service.planned.name, node: instance.node },
      failure: "unhealthy",
      before: "quarantined",
      detection: 0,
      evidence: ["it is in quarantine, and the time for a trial has come"],
    });
  }

  /** Takes an instance that was given up off its node, so that calls to it fail at once instead of reaching it. */
  async #isolate(service: ServiceState, instance: InstanceState): Promise<void> {
    const { commands, changed, healing } = this.#context;
    const { name } = service.planned;
    const recorded = healing.onRecord({
      id: instanceKey(name, instance.node),
      target: { service: name, node: instance.node },
      failure: "unhealthy",
      action: "quarantine",
      attempt: 0,
      reason: instance.why,
    });
    if (recorded) {
      await recorded;
      if (instance.status !== "quarantined") return;
    }
    if (instance.presence !== "none") await commands.unload(instance.node, name, HASTY_DRAIN_MS).catch(() => {});
    if (instance.status === "quarantined") Object.assign(instance, { presence: "none", pid: 0 });
    changed();
  }
}

/** It was started meanwhile, or is being started. */
function isUnderway({ status, presence }: InstanceState): boolean {
  return status === "healthy" || status === "degraded" || presence === "loading";
}
