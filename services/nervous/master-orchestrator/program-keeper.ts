import { join } from "node:path";
import type { Failure } from "../../../models/healing.ts";
import { askHttpHealth, USUAL_HEALTH_PATHS } from "../../../runtime/http-health.ts";
import { listenerOf } from "../../../runtime/port-holder.ts";
import { projectEnvironment } from "../../../runtime/project.ts";
import { spawnDetached } from "../../../runtime/spawn-process.ts";
import type { Member } from "./fleet.ts";
import { decideQuarantine, decideRung, rungOf } from "./healing/ladder.ts";
import { prepare } from "./healing/preparation.ts";
import { describeWait } from "./healing/restarts.ts";
import { forgetAttempts, tellInstance } from "./instance-outcomes.ts";
import type { KeeperContext } from "./keeper-context.ts";
import { killOnRecord } from "./kill-on-record.ts";
import { type InstanceState, programKey, type ServiceState } from "./organism-state.ts";
import type { HealthVerdict } from "./service-reports.ts";

const READY_CHECK_MS = 50;
const READY_TIMEOUT_MS = 2000;
/** A program without a port counts as started when it has lived this long, ms. */
const SETTLE_MS = 300;
const STOP_GRACE_MS = 5000;

/** Starts, restarts and stops programs that are no Moleculer services. Each is its own process and its own instance. */
export class ProgramKeeper {
  readonly #context: KeeperContext;
  readonly #expected = new Set<string>();
  /** Programs that were killed because they did not answer, and what was wrong with them. */
  readonly #sick = new Map<string, string>();

  constructor(context: KeeperContext) {
    this.#context = context;
  }

  async start(service: ServiceState): Promise<void> {
    const { fleet, state, organism } = this.#context;
    const { name, program } = service.planned;
    const key = programKey(name);
    const instance = state.instance(service, key);
    Object.assign(instance, { presence: "loading", status: "starting", startedAt: Date.now(), why: "" });
    service.firstStart ||= instance.startedAt;
    this.#expected.delete(key);
    this.#sick.delete(key);
    // Stopped while it was being started, its entry is gone.
    const isWanted = () => service.instances.get(key) === instance;
    try {
      // Somebody else would answer in its place.
      const holder = program!.port ? await listenerOf(program!.port) : undefined;
      if (!isWanted()) return;
      if (holder) throw new Error(`port ${program!.port} is taken by ${holder}`);
      const env = {
        ...projectEnvironment(state.plan.project),
        ...(program!.port ? { PORT: String(program!.port) } : {}),
        ...program!.env,
      };
      const log = join(organism.logDir, `${name}.log`);
      const member = await fleet.spawn(key, () =>
        spawnDetached({ command: program!.command, args: program!.args, cwd: program!.cwd, env, log }),
      );
      if (!isWanted()) return await this.stop(service);
      Object.assign(instance, { pid: member.identity.pid, incarnation: member.incarnation });
      tellInstance(this.#context, service, instance, "starting");
      await this.#untilReady(service, instance, member);
    } catch (error) {
      this.#fail(service, instance, "start failed", `cannot be started: ${(error as Error).message}`);
    }
  }

  /** Takes over one that was running when the orchestrator came. */
  adopt(service: ServiceState, member: Member): void {
    const instance = this.#context.state.instance(service, member.key);
    service.firstStart ||= member.since;
    Object.assign(instance, {
      pid: member.identity.pid,
      incarnation: member.incarnation,
      presence: "loaded",
      status: "healthy",
    });
  }

  /** One that was given up in a former life of the orchestrator stays so. */
  restoreQuarantine(service: ServiceState, attempts: number): void {
    const { restarts, state, policyOf } = this.#context;
    const key = programKey(service.planned.name);
    Object.assign(state.instance(service, key), {
      presence: "failed",
      status: "quarantined",
      why: `given up after ${attempts} attempts`,
    });
    restarts.restoreExhausted(
      key,
      attempts,
      policyOf(service.planned),
      (attempt) => void this.#attempt(service, attempt),
    );
  }

  async stop(service: ServiceState): Promise<void> {
    const key = programKey(service.planned.name);
    this.#expected.add(key);
    forgetAttempts(this.#context, key);
    this.#context.healing.drop(key);
    await this.#context.fleet.terminate(key, STOP_GRACE_MS);
    service.instances.delete(key);
  }

  async restart(service: ServiceState): Promise<string | undefined> {
    await this.stop(service);
    await this.start(service);
    const instance = service.instances.get(programKey(service.planned.name));
    return instance?.status === "healthy" ? undefined : (instance?.why ?? "it is gone");
  }

  /** Its process has ended. */
  gone(key: string, how: string): void {
    const service = this.#context.state.services.get(key.slice("program:".length));
    const instance = service?.instances.get(key);
    if (!service || !instance || this.#expected.delete(key) || this.#context.isStopping()) return;
    this.#context.logger.warn(`program ${service.planned.name} is down: ${how}`);
    const sick = this.#sick.get(key);
    this.#sick.delete(key);
    if (sick === undefined) this.#fail(service, instance, "crashed", how);
    else this.#fail(service, instance, "unhealthy", sick);
  }

  judge(verdicts: readonly HealthVerdict[]): void {
    for (const { name, node, incarnation, status, why } of verdicts) {
      const service = this.#context.state.services.get(name);
      const instance = service?.instances.get(node);
      if (
        !service ||
        instance?.presence !== "loaded" ||
        instance.incarnation !== incarnation ||
        instance.status === status
      )
        continue;
      if (status !== "unhealthy") Object.assign(instance, { status, why: status === "healthy" ? "" : why });
      else if (!this.#sick.has(node)) {
        // It runs but does not answer: its process is ended, and started anew when it is gone.
        this.#sick.set(node, why);
        killOnRecord(this.#context, node, { target: { service: name }, failure: "unhealthy", reason: why });
      }
      this.#context.changed();
    }
  }

  async #untilReady(service: ServiceState, instance: InstanceState, member: Member): Promise<void> {
    const { fleet, config, restarts, healing, policyOf } = this.#context;
    const { port, health } = service.planned.program!;
    const limit = service.planned.startupTimeout ?? config.defaultStartupTimeout;
    const paths = health ? [health] : USUAL_HEALTH_PATHS;
    const start = Date.now();
    const isThere = () => fleet.get(member.key) === member;
    while (isThere()) {
      await new Promise((resolve) => setTimeout(resolve, READY_CHECK_MS));
      if (port ? await answers(port, paths) : Date.now() - start > SETTLE_MS) break;
      if (instance.status === "starting" && Date.now() - start > limit) {
        Object.assign(instance, {
          status: "timeout",
          why: `it has not answered on port ${port} within ${limit / 1000} s`,
        });
        tellInstance(this.#context, service, instance, "timeout");
        this.#context.changed();
      }
    }
    if (!isThere()) return;
    Object.assign(instance, { presence: "loaded", status: "healthy", why: "" });
    if (restarts.state(member.key).phase !== "idle") {
      restarts.succeeded(member.key, policyOf(service.planned));
      healing.succeeded(member.key, "healthy", "its process was started again and answers");
    }
    tellInstance(this.#context, service, instance, "started");
    this.#context.changed();
  }

  async #attempt(service: ServiceState, attempt: number): Promise<void> {
    const { healing, restarts, policyOf, isStopping } = this.#context;
    const key = programKey(service.planned.name);
    const standing = restarts.state(key);
    const rung = rungOf(attempt);
    await prepare(this.#context, service, rung, () => Promise.resolve());
    // The operator may have stopped or started it meanwhile, or everything is being stopped.
    if (restarts.state(key) !== standing || isStopping()) return;
    const decision = decideRung(attempt, policyOf(service.planned).attempts);
    healing.attempt(key, { attempt, action: "restart-process", decision, rung });
    const recorded = healing.stepOnRecord(key);
    if (recorded) {
      await recorded;
      if (restarts.state(key) !== standing || isStopping()) return;
    }
    await this.start(service);
  }

  #fail(service: ServiceState, instance: InstanceState, failure: Failure, why: string): void {
    const { restarts, healing, journal, policyOf, advice } = this.#context;
    const key = instance.node;
    const { name } = service.planned;
    Object.assign(instance, { presence: "failed", status: "unhealthy", pid: 0 });
    healing.failed(key, "down", why);
    healing.begin(key, {
      target: { service: name },
      failure,
      before: `down: ${why}`,
      detection: 0,
      evidence: [why],
      signature: advice.signature(failure, name, why),
    });
    const next = restarts.failed(key, policyOf(service.planned), (attempt) => void this.#attempt(service, attempt));
    journal.append({ type: "attempts", key, attempts: next.attempts, exhausted: next.phase === "exhausted" });
    instance.why = `${why}; ${describeWait(next)}`;
    if (next.phase === "exhausted") {
      instance.status = "quarantined";
      healing.gaveUp(key, why, decideQuarantine(next.attempts, next.flapping));
    }
    tellInstance(this.#context, service, instance, next.phase === "exhausted" ? "quarantined" : "failed");
    this.#context.changed();
  }
}

async function answers(port: number, paths: readonly string[]): Promise<boolean> {
  try {
    return (await askHttpHealth(port, paths, READY_TIMEOUT_MS)).status < 500;
  } catch {
    return false;
  }
}
