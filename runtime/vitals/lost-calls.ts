import { isUnguarded } from "../breaker/unguarded.ts";
import { TRANSPORT_LOST } from "../failover/pending.ts";

/** Errors that a caller gets instead of an answer of the service. */
const LOSSES: ReadonlySet<unknown> = new Set([
  "SERVICE_NOT_FOUND",
  "SERVICE_NOT_AVAILABLE",
  "SERVICE_QUARANTINED",
  "CIRCUIT_OPEN",
  "REQUEST_TIMEOUT",
  "REQUEST_REJECTED",
  "OUTCOME_UNKNOWN",
  "BAD_GATEWAY",
  TRANSPORT_LOST,
]);
/** Services that are counted by name; calls of further ones are counted together. */
const MAX_SERVICES = 1000;
const OTHERS = "(others)";
/** Nobody knows whether these calls were carried out. */
const UNANSWERED: ReadonlySet<unknown> = new Set(["REQUEST_TIMEOUT", "REQUEST_REJECTED", "OUTCOME_UNKNOWN"]);

/** Counts, at the caller, the calls that ended without an answer of the service that was called. */
export class LostCalls {
  readonly #counts = new Map<string, number>();
  /** An error passes the places where it is seen one after the other; it is one lost call. */
  readonly #seen = new WeakSet<object>();
  #watcher: ((node: string) => void) | undefined;

  /** @param watcher told of each node that has left a call without an answer */
  watch(watcher: (node: string) => void): void {
    this.#watcher = watcher;
  }

  /** A call has ended with this error. Whether that is a loss is found here. */
  note(service: string, action: string, error: unknown): void {
    const { type, data } = (error ?? {}) as {
      type?: unknown;
      data?: { action?: unknown; neverSent?: unknown; nodeID?: unknown } | null;
    };
    const isLoss = LOSSES.has(type) || (type === "SERVICE_UNAVAILABLE" && data?.neverSent === true);
    // A deeper call was lost: it is counted where it was made.
    if (!isLoss || (data?.action !== undefined && data.action !== action)) return;
    if (this.#seen.has(error as object)) return;
    this.#seen.add(error as object);
    const name = this.#counts.has(service) || this.#counts.size < MAX_SERVICES ? service : OTHERS;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    if (UNANSWERED.has(type) && typeof data?.nodeID === "string") this.#watcher?.(data.nodeID);
  }

  /** No instance was left to call. The service is known by the action's name alone. */
  noteAbsent(action: string, error: unknown): void {
    const service = action.slice(0, Math.max(0, action.lastIndexOf(".")));
    if (service && !isUnguarded(action, service)) this.note(service, action, error);
  }

  /** What was counted since it was asked last. */
  take(): { service: string; count: number }[] {
    const lost = [...this.#counts].map(([service, count]) => ({ service, count }));
    this.#counts.clear();
    return lost;
  }
}
