import type { Detection, HealingRecord, HealingTarget } from "../../../models/healing.ts";
import type { Topology } from "../../../models/topology.ts";
import type { Clock } from "../../../runtime/clock.ts";
import type { FaultKind } from "./experiment.ts";
import { type ExperimentReport, say } from "./report.ts";
import type { Target } from "./target.ts";

/** How the mesh and the bus name what has no node id. */
export const SPINE = "spine";
export const NATS_SERVER = "nats-server";
const MAX_KEPT = 100;

/** What is heard and seen of a fault: it goes into the report, and the first sign of the target is the detection. */
export class Observations {
  readonly #report: ExperimentReport;
  readonly #target: Target;
  readonly #kind: FaultKind;
  readonly #clock: Clock;
  /** When the fault was committed, ms since the epoch. */
  readonly since: number;

  constructor(report: ExperimentReport, target: Target, clock: Clock) {
    this.#report = report;
    this.#target = target;
    this.#kind = report.fault.kind;
    this.#clock = clock;
    this.since = clock.now();
  }

  detected(detection: Detection): void {
    const { failure, target, evidence } = detection;
    if (this.#report.detections.length < MAX_KEPT) this.#report.detections.push(detection);
    this.#say(`seen: ${nameOf(target)} ${failure}${evidence[0] ? ` (${evidence[0]})` : ""}`);
    if (this.#concerns(target)) this.#seenAt(Date.parse(detection.at));
  }

  healed({ target, failure, action, success, duration, reason, at }: HealingRecord): void {
    this.#say(
      `healing: ${action} of ${nameOf(target)} (${failure}) ${success ? "helped" : "did not help"} in ${duration} ms: ${reason}`,
    );
    if (this.#concerns(target)) this.#seenAt(Date.parse(at));
  }

  nodeChanged(id: string, status: string, why: string): void {
    this.#say(`${id} is ${status}${why ? `: ${why}` : ""}`);
    if (status !== "up" && this.#concerns({ node: id })) this.#seenAt(this.#clock.now());
  }

  /** The mesh, or the lost bus, says that a process is gone or hangs, which everybody on this machine then knows. */
  processGone(id: string): void {
    const isTarget =
      this.#target.nodes.includes(id) ||
      (id === SPINE && this.#kind === "kill-spine") ||
      (id === NATS_SERVER && this.#kind === "kill-nats");
    if (isTarget) this.#seenAt(this.#clock.now());
  }

  /** The target's illness as the guard sees it, where nobody has told of it. */
  note(topology: Topology, now: number): void {
    if (this.#report.detectMs !== null) return;
    const node = topology.nodes.find(({ id, status }) => this.#target.nodes.includes(id) && status !== "up");
    const service = topology.services.find(
      ({ name, status }) => name === this.#target.service && (status === "unhealthy" || status === "quarantined"),
    );
    if (node || service) this.#seenAt(now);
  }

  #concerns({ service, node }: HealingTarget): boolean {
    if (service !== undefined) return this.#target.services.includes(service);
    return node !== undefined && this.#target.nodes.includes(node);
  }

  #seenAt(at: number): void {
    const after = Math.max(0, at - this.since);
    this.#report.detectMs = this.#report.detectMs === null ? after : Math.min(this.#report.detectMs, after);
  }

  #say(what: string): void {
    say(this.#report, what, this.#clock.now());
  }
}

function nameOf({ service, node }: HealingTarget): string {
  return service && node ? `${service} on ${node}` : (service ?? node ?? "the organism");
}
