import { ORGANS, type Organ } from "../../../runtime/discovery/metadata.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import { nearest } from "../../../runtime/nearest.ts";
import type { Conductor } from "./conductor.ts";
import { forgetAttempts, instanceKey } from "./instance-outcomes.ts";
import type { InstanceState, NodeState, ServiceState } from "./organism-state.ts";
import { ORCHESTRATOR_NODE, singletonsOf } from "./placement.ts";

/** What came of a command: the state that was seen, not the one that was asked for. */
export interface Outcome {
  target: string;
  status: string;
  why: string;
  duration: number;
}

export interface ScaleOutcome {
  organ: Organ;
  replicas: number;
  nodes: string[];
  singletons: string[];
  duration: number;
}

export const MAX_REPLICAS = 64;
const CHECK_EVERY_MS = 10;
const WAIT_MS = 60_000;

/** What a person may command. Each answers when the wanted state has been seen, or with why it is not there. */
export class Operator {
  readonly #conductor: Conductor;

  constructor(conductor: Conductor) {
    this.#conductor = conductor;
  }

  /**
   * Restarts a service, one instance after the other, or a node's process.
   * @param drain time for calls in flight, ms; the node's own default where it is left out
   */
  async restart(name: string, drain?: number): Promise<Outcome> {
    const found = this.#find(name);
    const since = Date.now();
    if ("organ" in found) {
      if (found.id === ORCHESTRATOR_NODE) {
        throw new AzoraError(
          "CONFLICT",
          `${found.id} carries the orchestrator itself; the spine restarts it when its process is killed`,
        );
      }
      if (found.remote) throw new AzoraError("CONFLICT", `${found.id} runs on ${found.host}; restart it there`);
      await this.#conductor.nodes.restart(found);
      await this.#until(() => found.status === "up" && this.#served(found));
      return { target: found.id, status: found.status, why: found.why, duration: Date.now() - since };
    }
    const { planned } = found;
    if (planned.capabilities.includes("orchestrator")) {
      throw new AzoraError(
        "CONFLICT",
        `${planned.name} cannot restart itself; the spine does when its process is killed`,
      );
    }
    if (found.stopped) throw new AzoraError("CONFLICT", `${planned.name} is stopped; start it instead`);
    this.#checkDependencies(found);
    if (planned.kind === "program") {
      const problem = await this.#conductor.programs.restart(found);
      return this.#outcome(found, since, problem);
    }
    for (const instance of [...found.instances.values()]) {
      const problem = await this.restartInstance(found, instance, drain);
      if (problem) return this.#outcome(found, since, problem);
    }
    return this.#outcome(found, since);
  }

  async stop(name: string): Promise<Outcome> {
    const service = this.#service(name);
    const since = Date.now();
    if (service.planned.runtimeSystem && service.planned.capabilities.includes("orchestrator")) {
      throw new AzoraError("CONFLICT", `${service.planned.name} runs the organism; "azora down" stops everything`);
    }
    this.#conductor.setStopped(service, true);
    await this.#until(() => service.instances.size === 0 || !service.stopped);
    if (!service.stopped) throw new AzoraError("CONFLICT", `${service.planned.name} was started meanwhile`);
    return this.#outcome(service, since);
  }

  async start(name: string): Promise<Outcome> {
    const service = this.#service(name);
    const since = Date.now();
    this.#conductor.setStopped(service, false);
    await this.#until(() =>
      ["healthy", "degraded", "quarantined", "timeout"].includes(this.#conductor.state.statusOf(service)),
    );
    return this.#outcome(service, since);
  }

  /** Takes a service out of quarantine and tries it once more; one that was failed over comes back. */
  async release(name: string): Promise<Outcome> {
    const service = this.#service(name);
    const since = Date.now();
    const { name: own } = service.planned;
    const quarantined = [...service.instances.values()].filter(({ status }) => status === "quarantined");
    const moved = this.#conductor.journal.state.moved[own] !== undefined;
    if (quarantined.length === 0 && !moved)
      throw new AzoraError("CONFLICT", `${own} is not in quarantine, and was not failed over`);
    if (moved) {
      this.#conductor.journal.append({ type: "moved", service: own, away: [], at: new Date().toISOString() });
      this.#conductor.changed();
      await this.#until(() => ["healthy", "degraded", "quarantined"].includes(this.#conductor.state.statusOf(service)));
    }
    for (const instance of quarantined) {
      this.#conductor.services.release(service, instance);
      if (service.planned.kind === "program") await this.#conductor.programs.start(service);
      else if (instance.presence === "loaded")
        await this.#conductor.services.restart(service, instance, { fresh: true });
      else await this.#conductor.services.load(service, instance);
    }
    await this.#until(() => this.#conductor.state.statusOf(service) !== "starting");
    const { state } = this.#conductor;
    const isUp = ["healthy", "degraded"].includes(state.statusOf(service));
    return this.#outcome(service, since, isUp ? undefined : state.why(service));
  }

  /** Wants `replicas` nodes of an organ, and waits until they are there, or gone. */
  async scale(organ: string, replicas: number): Promise<ScaleOutcome> {
    const known = ORGANS.find((one) => one === organ);
    if (!known) {
      const meant = nearest(organ, ORGANS);
      throw new AzoraError(
        "ORGAN_UNKNOWN",
        `No organ is named ${organ}; ${meant ? `did you mean ${meant}?` : `there are ${ORGANS.join(", ")}`}`,
      );
    }
    const least = known === "nervous" ? 1 : 0;
    if (!Number.isInteger(replicas) || replicas < least || replicas > MAX_REPLICAS) {
      const problem = {
        field: "replicas",
        value: replicas,
        allowed: `a whole number from ${least} to ${MAX_REPLICAS}`,
      };
      throw new AzoraError(
        "VALIDATION_ERROR",
        `replicas is ${JSON.stringify(replicas)}, but must be ${problem.allowed}`,
        { errors: [problem] },
      );
    }
    const since = Date.now();
    this.#conductor.setReplicas(known, replicas);
    const wanted = new Set(this.#conductor.placement().map(({ id }) => id));
    const nodes = () =>
      [...this.#conductor.state.nodes.values()].filter((node) => node.organ === known && !node.remote);
    await this.#until(() => {
      if (this.#conductor.journal.state.replicas[known] !== replicas) {
        throw new AzoraError("CONFLICT", `Another command has scaled ${known} meanwhile`);
      }
      const now = nodes();
      const all = [...wanted]
        .filter((id) => id.startsWith(`${known}-`))
        .every((id) => now.some((node) => node.id === id && node.status === "up" && this.#served(node)));
      return all && now.every((node) => wanted.has(node.id));
    });
    return {
      organ: known,
      replicas,
      nodes: nodes().map(({ id }) => id),
      singletons: singletonsOf(this.#conductor.state.plan, known),
      duration: Date.now() - since,
    };
  }

  /** A service or a node by its name; throws with the nearest name. */
  #find(name: string): ServiceState | NodeState {
    const { state } = this.#conductor;
    const found = state.find(name) ?? state.nodes.get(name);
    if (found) return found;
    const meant = nearest(name, [...state.services.keys(), ...state.nodes.keys()]);
    throw new AzoraError(
      "SERVICE_UNKNOWN",
      `No service or node is named ${name}${meant ? `; did you mean ${meant}?` : ""}`,
      { name, nearest: meant },
    );
  }

  #service(name: string): ServiceState {
    const found = this.#find(name);
    if ("organ" in found) throw new AzoraError("SERVICE_UNKNOWN", `${name} is a node; name a service`, { name });
    return found;
  }

  /** Restarts one instance, wherever it stands on its way back. Returns why it is not up, or nothing. */
  async restartInstance(
    service: ServiceState,
    instance: InstanceState,
    drain: number | undefined,
  ): Promise<string | undefined> {
    const { services } = this.#conductor;
    if (instance.presence === "loading") {
      throw new AzoraError("CONFLICT", `${service.planned.name} is starting on ${instance.node} already`);
    }
    forgetAttempts(this.#conductor, instanceKey(service.planned.name, instance.node));
    if (instance.presence === "loaded" || instance.presence === "failed")
      return services.restart(service, instance, { fresh: true, ...(drain === undefined ? {} : { drain }) });
    if (this.#conductor.state.nodes.get(instance.node)?.status !== "up") return `its node ${instance.node} is not up`;
    // It was in quarantine, and off its node.
    await services.load(service, instance);
    return instance.status === "healthy" || instance.status === "degraded" ? undefined : instance.why;
  }

  /** A start waits for its hard dependencies: for one that does not come it would wait without end. */
  #checkDependencies({ planned }: ServiceState): void {
    const { state } = this.#conductor;
    for (const name of planned.dependencies) {
      const dependency = state.services.get(name);
      const status = dependency && state.statusOf(dependency);
      if (status !== "quarantined" && status !== "stopped") continue;
      const remedy = status === "stopped" ? `azora start ${name}` : `azora release ${name}`;
      throw new AzoraError(
        "CONFLICT",
        `${planned.name} goes on as it is, and would not come up again: its dependency ${name} is ${status}; "${remedy}" first`,
      );
    }
  }

  #served(node: NodeState): boolean {
    return [...node.services].every((name) => {
      const service = this.#conductor.state.services.get(name);
      const instance = service?.instances.get(node.id);
      return (
        !service || service.stopped || (instance && instance.presence !== "none" && instance.presence !== "loading")
      );
    });
  }

  #outcome(service: ServiceState, since: number, problem?: string): Outcome {
    const status = this.#conductor.state.statusOf(service);
    const why = this.#conductor.state.why(service);
    if (problem !== undefined) {
      throw new AzoraError("START_FAILED", `${service.planned.name} is ${status}: ${problem}`, {
        service: service.planned.name,
        status,
        why,
      });
    }
    return { target: service.planned.name, status, why, duration: Date.now() - since };
  }

  async #until(condition: () => boolean): Promise<void> {
    const end = Date.now() + WAIT_MS;
    while (!condition()) {
      if (Date.now() > end) {
        throw new AzoraError(
          "NOT_WITHIN_TIME",
          `The wanted state did not arrive within ${WAIT_MS / 1000} s; "azora status" shows how far it is`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, CHECK_EVERY_MS));
    }
  }
}
