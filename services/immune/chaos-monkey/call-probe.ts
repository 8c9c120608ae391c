import { type Clock, sleep } from "../../../runtime/clock.ts";
import type { CheckSpec } from "./experiment.ts";

export type CallCheck = Extract<CheckSpec, { kind: "call" }>;
export type Caller = (action: string, params: object, timeout: number) => Promise<unknown>;

/** An action as the registry lists it. */
export interface ListedAction {
  name: string;
  idempotent?: boolean;
  params?: object;
  service: string;
}

/** Names of actions that only read; `idempotent` alone might be a deletion. */
const READS = /\.(read|list|find|count|status|info|stats)$/;
/** Most calls of one check under way at once. */
const MAX_IN_FLIGHT = 50;
const MOST_AUTO = 5;
const RETRY_EVERY_MS = 250;

/** What the action `auto` stands for: actions that read, and need nothing to be told. */
export function readingActions(actions: readonly ListedAction[], spared: ReadonlySet<string>): string[] {
  const free = (params: object | undefined) =>
    Object.entries(params ?? {}).every(
      ([name, rule]) =>
        name.startsWith("$$") ||
        (typeof rule === "string" && rule.includes("optional")) ||
        (typeof rule === "object" && rule !== null && ("default" in rule || (rule as { optional?: boolean }).optional)),
    );
  return actions
    .filter(
      ({ name, idempotent, params, service }) => idempotent && READS.test(name) && free(params) && !spared.has(service),
    )
    .map(({ name }) => name)
    .sort()
    .slice(0, MOST_AUTO);
}

/** Calls that go on during a run, one each `every` ms, in turn where there are several actions. */
export class CallProbe {
  readonly check: CallCheck;
  readonly actions: readonly string[];
  readonly #call: Caller;
  readonly #clock: Clock;
  #cancel = () => {};
  #next = 0;
  #inFlight = 0;
  done = 0;
  failed = 0;
  /** Not made, because too many were under way. */
  skipped = 0;
  readonly byError = new Map<string, number>();
  /** Longest answer, ms. */
  slowest = 0;

  constructor(check: CallCheck, actions: readonly string[], call: Caller, clock: Clock) {
    this.check = check;
    this.actions = actions;
    this.#call = call;
    this.#clock = clock;
  }

  /** One call now; what is wrong with it, or nothing. */
  async once(): Promise<string | undefined> {
    if (this.actions.length === 0) return undefined;
    const action = this.actions[this.#next++ % this.actions.length]!;
    const { within, params = {} } = this.check;
    const since = this.#clock.now();
    try {
      await this.#call(action, params, within);
      const took = this.#clock.now() - since;
      this.slowest = Math.max(this.slowest, took);
      return took > within ? `${action} took ${took} ms` : undefined;
    } catch (error) {
      const { type, message } = error as { type?: string; message: string };
      return type ?? message;
    }
  }

  start(): void {
    const tick = () => {
      this.#cancel = this.#clock.after(this.check.every, tick);
      if (this.#inFlight >= MAX_IN_FLIGHT) {
        this.skipped++;
        return;
      }
      this.#inFlight++;
      void this.once().then((problem) => {
        this.#inFlight--;
        this.done++;
        if (problem === undefined) return;
        this.failed++;
        // Messages with numbers in them are one kind of failure.
        const kind = problem.replace(/ took \d+ ms/, " too late");
        if (this.byError.has(kind) || this.byError.size < 20) this.byError.set(kind, (this.byError.get(kind) ?? 0) + 1);
      });
    };
    if (this.actions.length > 0) tick();
  }

  stop(): void {
    this.#cancel();
  }

  /** Why its part of the hypothesis did not hold. */
  verdict(): string | undefined {
    const { failuresAllowed } = this.check;
    if (this.failed <= failuresAllowed) return undefined;
    const errors = [...this.byError].map(([error, times]) => `${times} × ${error}`).join(", ");
    return `${this.failed} of ${this.done} calls of ${this.actions.join(", ")} failed, and ${failuresAllowed} may: ${errors}`;
  }
}

/**
 * One call of each action goes well, at once or after a while: a circuit breaker may still be open from before.
 * @returns what was wrong to the end
 */
export async function untilAnswered(
  probe: CallProbe,
  clock: Clock,
  within: number,
  isStopped: () => boolean,
): Promise<string | undefined> {
  const end = clock.now() + within;
  for (let answered = 0; answered < probe.actions.length; ) {
    const wrong = await probe.once();
    answered = wrong ? 0 : answered + 1;
    if (!wrong) continue;
    if (clock.now() >= end || isStopped()) return wrong;
    await sleep(clock, RETRY_EVERY_MS);
  }
  return undefined;
}
