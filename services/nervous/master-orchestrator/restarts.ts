import { restartDelay } from "../../../runtime/backoff.ts";
import type { Clock } from "../../../runtime/clock.ts";
import { RestartBudget } from "./restart-budget.ts";

export interface RestartPolicy {
  /** Attempts after which the target is given up; `Infinity` for nodes, which come back whenever they can. */
  maxAttempts: number;
  /** Multiplies all waits. */
  timeScale: number;
  /** Restarts of the whole organism per period. @default 20 */
  intensity?: number;
  /** Time after which a target that was given up is tried once more, ms (scaled too). @default never */
  trialAfter?: number;
}

/** Where a target stands on its way back. */
export type RestartState =
  | { phase: "idle"; attempts: number }
  | { phase: "waiting"; attempts: number; until: number; for: "backoff" | "budget" }
  | { phase: "running"; attempts: number }
  | { phase: "exhausted"; attempts: number };

const STABLE_MS = 60_000;
const PERIOD_MS = 60_000;
const INTENSITY = 20;

interface Target {
  state: RestartState;
  cancel: () => void;
}

/**
 * Decides when something that failed is started again. The first attempt is made at once, later ones after growing
 * waits; after a minute of stability the count begins anew. What exceeds the organism's budget waits its turn.
 */
export class Restarts {
  readonly #clock: Clock;
  readonly #policy: Required<RestartPolicy>;
  readonly #budget: RestartBudget;
  readonly #targets = new Map<string, Target>();

  constructor(clock: Clock, policy: RestartPolicy) {
    this.#clock = clock;
    this.#policy = { intensity: INTENSITY, trialAfter: Number.POSITIVE_INFINITY, ...policy };
    this.#budget = new RestartBudget(clock, this.#policy.intensity, PERIOD_MS * policy.timeScale);
  }

  state(key: string): RestartState {
    return this.#targets.get(key)?.state ?? { phase: "idle", attempts: 0 };
  }

  /**
   * The target has failed, or an attempt at it has. Calls `start` when the next attempt is due; it is then `running`
   * until `failed` or `succeeded`. Returns the new state; a target that waits already goes on waiting.
   */
  failed(key: string, start: (attempt: number) => void, maxAttempts = this.#policy.maxAttempts): RestartState {
    const { phase, attempts } = this.state(key);
    if (phase === "waiting" || phase === "exhausted") return this.state(key);
    this.#targets.get(key)?.cancel();
    if (attempts >= maxAttempts) return this.#giveUp(key, attempts, start);
    const attempt = attempts + 1;
    const delay = restartDelay(attempt, this.#policy.timeScale);
    return this.#wait(key, attempt, delay, "backoff", start);
  }

  /** The target is up again. After a stable time its attempts are forgotten. */
  succeeded(key: string): void {
    const target = this.#targets.get(key);
    if (!target) return;
    target.cancel();
    const { attempts } = target.state;
    const cancel = this.#clock.after(STABLE_MS * this.#policy.timeScale, () => this.#targets.delete(key));
    this.#targets.set(key, { state: { phase: "idle", attempts }, cancel });
  }

  /** The operator acts: waits and counts are void. */
  forget(key: string): void {
    this.#targets.get(key)?.cancel();
    this.#targets.delete(key);
  }

  /** Attempts made before the orchestrator itself was restarted. */
  restore(key: string, attempts: number): void {
    this.#targets.set(key, { state: { phase: "idle", attempts }, cancel: () => {} });
    this.succeeded(key);
  }

  /** Given up, but for a single trial now and then (half-open). */
  #giveUp(key: string, attempts: number, start: (attempt: number) => void): RestartState {
    const state = this.#enter(key, { phase: "exhausted", attempts });
    const wait = this.#policy.trialAfter * this.#policy.timeScale;
    if (!Number.isFinite(wait)) return state;
    const cancel = this.#clock.after(wait, () => this.#run(key, attempts, start));
    this.#targets.set(key, { state, cancel });
    return state;
  }

  #wait(
    key: string,
    attempt: number,
    delay: number,
    reason: "backoff" | "budget",
    start: (attempt: number) => void,
  ): RestartState {
    if (delay <= 0) return this.#run(key, attempt, start);
    const cancel = this.#clock.after(delay, () => this.#run(key, attempt, start));
    const state: RestartState = {
      phase: "waiting",
      attempts: attempt - 1,
      until: this.#clock.now() + delay,
      for: reason,
    };
    this.#targets.set(key, { state, cancel });
    return state;
  }

  #run(key: string, attempt: number, start: (attempt: number) => void): RestartState {
    const wait = this.#budget.take();
    if (wait > 0) return this.#wait(key, attempt, wait, "budget", start);
    const state = this.#enter(key, { phase: "running", attempts: attempt });
    start(attempt);
    return state;
  }

  #enter(key: string, state: RestartState): RestartState {
    this.#targets.get(key)?.cancel();
    this.#targets.set(key, { state, cancel: () => {} });
    return state;
  }
}

/** What a restart state means, in words. */
export function describeWait(state: { phase: string; attempts: number; until?: number; for?: string }): string {
  if (state.phase === "running") return `restart attempt ${state.attempts} is under way`;
  if (state.phase === "waiting") {
    const seconds = (Math.max(0, (state.until ?? 0) - Date.now()) / 1000).toFixed(1);
    const reason = state.for === "budget" ? "too many restarts in the last minute" : `attempt ${state.attempts} failed`;
    return `next attempt in ${seconds} s (${reason})`;
  }
  return state.phase === "exhausted" ? `given up after ${state.attempts} attempts` : "no restart is planned";
}
