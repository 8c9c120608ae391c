import { restartDelay } from "../../../../runtime/backoff.ts";
import type { Clock } from "../../../../runtime/clock.ts";
import { RestartBudget } from "../../../../runtime/restart-budget.ts";
import type { RestartPolicy } from "./policy.ts";

/** Where a target stands on its way back. */
export type RestartState =
  | { phase: "idle"; attempts: number }
  | { phase: "waiting"; attempts: number; until: number; for: "backoff" | "budget" }
  | { phase: "running"; attempts: number }
  | { phase: "exhausted"; attempts: number; flapping?: string; trialAt?: number };

/** Most automatic restarts of the whole organism per minute: the rest wait their turn. */
export const ORGANISM_INTENSITY = 20;
const ORGANISM_PERIOD_MS = 60_000;

interface Target {
  state: RestartState;
  /** When it was restarted, for its intensity. */
  restarted: number[];
  cancel: () => void;
}

/**
 * Decides when something that failed is started again, by the policy of each target. What exceeds the organism's budget
 * waits its turn. After a stable time the count begins anew; who restarts too often in all is flapping and given up.
 */
export class Restarts {
  readonly #clock: Clock;
  readonly #scale: number;
  readonly #budget: RestartBudget;
  readonly #targets = new Map<string, Target>();

  /** @param timeScale multiplies all times */
  constructor(clock: Clock, timeScale: number, intensity = ORGANISM_INTENSITY) {
    this.#clock = clock;
    this.#scale = timeScale;
    this.#budget = new RestartBudget(clock, intensity, ORGANISM_PERIOD_MS * timeScale);
  }

  state(key: string): RestartState {
    return this.#targets.get(key)?.state ?? { phase: "idle", attempts: 0 };
  }

  /**
   * The target has failed, or an attempt at it has. Calls `start` when the next attempt is due; it is then `running`
   * until `failed` or `succeeded`. Returns the new state; a target that waits already goes on waiting.
   * @param entry number of the attempt to begin with, which is then made at once
   */
  failed(key: string, policy: RestartPolicy, start: (attempt: number) => void, entry = 1): RestartState {
    const { phase, attempts } = this.state(key);
    if (phase === "waiting" || phase === "exhausted") return this.state(key);
    this.#targets.get(key)?.cancel();
    if (attempts >= policy.attempts) return this.#giveUp(key, attempts, policy, start);
    const flapping = this.#flapping(key, policy);
    if (flapping) return this.#giveUp(key, attempts, policy, start, flapping);
    const attempt = Math.max(attempts + 1, entry);
    const delay = attempt === entry ? 0 : restartDelay(attempt, this.#scale, Math.random(), policy);
    return this.#wait(key, attempt, delay, "backoff", start);
  }

  /** The target is up again. After a stable time its attempts are forgotten; how often it was restarted is not yet. */
  succeeded(key: string, policy: RestartPolicy): void {
    const target = this.#targets.get(key);
    if (!target) return;
    target.cancel();
    const { attempts } = target.state;
    const cancel = this.#clock.after(policy.stableAfter * this.#scale, () => this.#settle(key, policy));
    this.#targets.set(key, { ...target, state: { phase: "idle", attempts }, cancel });
  }

  /** The operator acts: waits and counts are void. */
  forget(key: string): void {
    this.#targets.get(key)?.cancel();
    this.#targets.delete(key);
  }

  /** Attempts made before the orchestrator itself was restarted. */
  restore(key: string, attempts: number, policy: RestartPolicy): void {
    this.#enter(key, { phase: "idle", attempts });
    this.succeeded(key, policy);
  }

  /** It had been given up before the orchestrator itself was restarted: it stays so, and is tried now and then. */
  restoreExhausted(key: string, attempts: number, policy: RestartPolicy, start: (attempt: number) => void): void {
    this.#giveUp(key, attempts, policy, start);
  }

  /** Given up, but for a single trial now and then (half-open). */
  #giveUp(
    key: string,
    attempts: number,
    policy: RestartPolicy,
    start: (attempt: number) => void,
    flapping?: string,
  ): RestartState {
    const wait = policy.trialEvery * (1 + policy.jitter * (2 * Math.random() - 1)) * this.#scale;
    const tried = Number.isFinite(wait);
    const state = this.#enter(key, {
      phase: "exhausted",
      attempts,
      ...(flapping ? { flapping } : {}),
      ...(tried ? { trialAt: this.#clock.now() + wait } : {}),
    });
    if (!tried) return state;
    const cancel = this.#clock.after(wait, () => {
      // Whoever has earned a trial begins with a clean record: else one restart more would be flapping again.
      this.#targets.get(key)!.restarted = [];
      // It is one trial: where it fails, it is given up again at once.
      this.#run(key, Math.max(1, attempts, policy.attempts), start);
    });
    this.#targets.get(key)!.cancel = cancel;
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
    const state = this.#enter(key, {
      phase: "waiting",
      attempts: attempt - 1,
      until: this.#clock.now() + delay,
      for: reason,
    });
    this.#targets.get(key)!.cancel = this.#clock.after(delay, () => this.#run(key, attempt, start));
    return state;
  }

  #run(key: string, attempt: number, start: (attempt: number) => void): RestartState {
    const wait = this.#budget.take();
    if (wait > 0) return this.#wait(key, attempt, wait, "budget", start);
    const state = this.#enter(key, { phase: "running", attempts: attempt });
    this.#targets.get(key)!.restarted.push(this.#clock.now());
    start(attempt);
    return state;
  }

  #enter(key: string, state: RestartState): RestartState {
    const known = this.#targets.get(key);
    known?.cancel();
    this.#targets.set(key, { state, restarted: known?.restarted ?? [], cancel: () => {} });
    return state;
  }

  /** The stable time is over. Its restarts are remembered as long as they count for its intensity. */
  #settle(key: string, policy: RestartPolicy): void {
    const target = this.#targets.get(key)!;
    target.restarted = this.#within(target, policy);
    if (target.restarted.length === 0) {
      this.#targets.delete(key);
      return;
    }
    const left = target.restarted[0]! + policy.intensity.period * this.#scale - this.#clock.now();
    target.state = { phase: "idle", attempts: 0 };
    target.cancel = this.#clock.after(left + 1, () => this.#settle(key, policy));
  }

  #within({ restarted }: Target, { intensity }: RestartPolicy): number[] {
    const since = this.#clock.now() - intensity.period * this.#scale;
    return restarted.filter((at) => at > since);
  }

  #flapping(key: string, policy: RestartPolicy): string | undefined {
    const target = this.#targets.get(key);
    if (!target) return undefined;
    target.restarted = this.#within(target, policy);
    const { restarts, period } = policy.intensity;
    if (target.restarted.length < restarts) return undefined;
    return `it was restarted ${target.restarted.length} times within ${Math.round((period * this.#scale) / 1000)} s and failed again`;
  }
}

/** What a restart state means, in words. */
export function describeWait(
  state: { phase: string; attempts: number; until?: number; for?: string; flapping?: string; trialAt?: number },
  now = Date.now(),
): string {
  const inSeconds = (at: number) => (Math.max(0, at - now) / 1000).toFixed(1);
  if (state.phase === "running") return `restart attempt ${state.attempts} is under way`;
  if (state.phase === "waiting") {
    const reason = state.for === "budget" ? "too many restarts in the last minute" : `attempt ${state.attempts} failed`;
    return `next attempt in ${inSeconds(state.until ?? 0)} s (${reason})`;
  }
  if (state.phase !== "exhausted") return "no restart is planned";
  const trial = state.trialAt === undefined ? "" : `; the next trial is in ${inSeconds(state.trialAt)} s`;
  return `given up${state.flapping ? `, as ${state.flapping}` : ` after ${state.attempts} attempts`}${trial}`;
}
