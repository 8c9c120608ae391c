import { type Clock, sleep } from "../../../runtime/clock.ts";
import type { Caller } from "./call-probe.ts";

const CALL_EVERY_MS = 20;
const CALL_TIMEOUT_MS = 2000;
/** An open breaker lets a call through after its reset time, one minute by default, ms. */
const BREAKERS_WITHIN_MS = 90_000;
const RETRY_EVERY_MS = 500;

/** Calls each action once: nothing can be learned of those that fail by themselves. */
export async function tryActions(actions: readonly string[], call: Caller, clock: Clock, isStopped: () => boolean) {
  const working: string[] = [];
  const failing: { action: string; why: string }[] = [];
  for (const action of actions) {
    const why = await untilClosed(action, call, clock, isStopped);
    if (why === undefined) working.push(action);
    else failing.push({ action, why });
  }
  return { working, failing };
}

/** Calls once; again where only a circuit breaker is still open from before. Returns what is wrong. */
async function untilClosed(action: string, call: Caller, clock: Clock, isStopped: () => boolean) {
  for (const end = clock.now() + BREAKERS_WITHIN_MS; ; await sleep(clock, RETRY_EVERY_MS)) {
    const error = await call(action, {}, CALL_TIMEOUT_MS).then(
      () => undefined,
      (failure: { type?: string; message: string }) => failure,
    );
    const isSpared = error?.type === "CIRCUIT_OPEN" && !isStopped();
    if (!isSpared || clock.now() >= end) return error?.message;
  }
}

/** Calls the actions in turn until the returned function is called. What comes of it is counted where it is answered. */
export function keepCalling(actions: readonly string[], call: Caller, clock: Clock): () => void {
  let next = 0;
  let cancel = () => {};
  const tick = () => {
    cancel = clock.after(CALL_EVERY_MS, tick);
    void call(actions[next++ % actions.length]!, {}, CALL_TIMEOUT_MS).catch(() => {});
  };
  if (actions.length > 0) tick();
  return () => cancel();
}
