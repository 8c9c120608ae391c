import type { ServiceBroker } from "moleculer";
import type { HealingDecision, HealingTarget } from "../../models/healing.ts";
import { type Clock, systemClock } from "../clock.ts";
import { hasRecorder, recorderOf } from "./recorder-of.ts";

/** What is about to be done, and why. */
export interface Decided {
  /** Of the case or the order that it belongs to. */
  id: string;
  target: HealingTarget;
  failure: string;
  action: string;
  attempt: number;
  reason: string;
  /** What was seen, one sentence each. */
  evidence?: readonly string[] | undefined;
  /** What else could have been done, and why it is not. */
  alternatives?: HealingDecision["alternatives"] | undefined;
  by: "ladder" | "hands" | "healer";
}

/** Healing does not wait any longer for its record than this, ms. */
export const RECORD_LIMIT_MS = 250;
const MOST_SENTENCES = 20;
const LONGEST_SENTENCE = 1000;

/**
 * Puts a healing decision on record before it is carried out. Resolves when it is on this node's disk, and at the latest after
 * 250 ms: an organism that cannot write must be healed all the same. What was carried out without being on disk is told by an
 * entry of its own, `healing.unrecorded`, which comes with the decision as soon as the disk or the chain takes them.
 * @returns nothing where the broker records nothing, so that nobody has to wait for that
 */
export function recordDecision(
  broker: ServiceBroker,
  decided: Decided,
  clock: Clock = systemClock,
): Promise<void> | undefined {
  if (!hasRecorder(broker)) return undefined;
  const recorder = recorderOf(broker);
  const { evidence = [], reason, ...rest } = decided;
  const data = { ...rest, reason: brief(reason), evidence: evidence.slice(0, MOST_SENTENCES).map(brief) };
  return new Promise((resolve) => {
    let isOver = false;
    const end = (why?: string): void => {
      if (isOver) return;
      isOver = true;
      cancel();
      resolve();
      if (why === undefined) return;
      broker.logger.error(`${decided.action} is carried out before it is on record: ${why}`, { id: decided.id });
      recorder
        .durable("healing.unrecorded", { id: decided.id, action: decided.action, why: brief(why) })
        .catch(() => {});
    };
    const cancel = clock.after(RECORD_LIMIT_MS, () => end(`its record took more than ${RECORD_LIMIT_MS} ms`));
    recorder.durable("healing.decided", data).then(
      () => end(),
      (error: Error) => end(error.message),
    );
  });
}

function brief(text: string): string {
  return text.length > LONGEST_SENTENCE ? `${text.slice(0, LONGEST_SENTENCE)}…` : text;
}
