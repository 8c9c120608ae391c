import { relative } from "node:path";
import { describeChecks, forgetAttempts, InstanceOutcomes, instanceKey, restartKey } from "./instance-outcomes.ts";
import type { KeeperContext } from "./keeper-context.ts";
import type { InstanceState, ServiceState } from "./organism-state.ts";

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
    this.outcomes = new InstanceOutcomes(context, (service, instance, attempt) =>
      this.#attempt(service, instance, attempt),
    );
  }

  /** True while somebody waits for the answer to a start of this instance. */
  isAwaited(service: string, node: string): boolean {
    return this.#awaited.has(instanceKey(service, node));
  }

  /** Starts an instance that is wanted and not there. Never throws: a failure is healed. */
  async load(service: ServiceState, instance: InstanceState, attempt = 0): Promise<void> {
    const { commands, healing, state } = this.#context;
    const { name, file } = service.planned;
    const key = instanceKey(name, instance.node);
    const node = state.nodes.get(instance.node);
    if (attempt > 0) healing.attempt(key, attempt, "start");
    const incarnation = this.outcomes.enterStart(service, instance);
    const path = node?.remote ? relative(state.plan.project.services, file) : file;
    const timer = this.outcomes.watchStart(service, instance);
    this.starting++;
    this.#awaited.add(key);
    try {
      const slot = await commands.load(instance.node, service.planned, path, incarnation);
      this.outcomes.started(service, instance, slot);
    } catch (error) {
      this.outcomes.startFailed(service, instance, incarnation, error);
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
    const incarnation = this.outcomes.enterStart(service, instance);
    const timer = this.outcomes.watchStart(service, instance);
    const key = instanceKey(name, instance.node);
    this.#awaited.add(key);
    try {
      const slot = await commands.restart(instance.node, name, incarnation, fresh);
      this.outcomes.started(service, instance, slot);
      return slot.health && slot.health.status === "unhealthy" ? describeChecks(slot.health.checks) : undefined;
    } catch (error) {
      this.outcomes.startFailed(service, instance, incarnation, error);
      return (error as Error).message;
    } finally {
      clearTimeout(timer);
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

  async #attempt(service: ServiceState, instance: InstanceState, attempt: number): Promise<void> {
    const key = instanceKey(service.planned.name, instance.node);
    if (service.instances.get(instance.node) !== instance || this.#context.isStopping()) return;
    if (instance.presence !== "loaded") return this.load(service, instance, attempt);
    this.#context.healing.attempt(key, attempt, "restart-in-place");
    await this.restart(service, instance, false);
  }
}
