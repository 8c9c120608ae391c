import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import type { Clock } from "../../../runtime/clock.ts";
import type { Journal } from "./journal.ts";
import type { HealingRecord } from "./journal-state.ts";

interface OpenCase {
  target: HealingRecord["target"];
  failure: string;
  before: string;
  detection: number;
  since: number;
  attempt: number;
  action: string;
}

/** Follows each failure from its being seen to the end of the attempt at it, and keeps the outcome. */
export class HealingLog extends EventEmitter<{ healing: [HealingRecord] }> {
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #open = new Map<string, OpenCase>();

  constructor(clock: Clock, journal: Journal) {
    super();
    this.#clock = clock;
    this.#journal = journal;
  }

  isOpen(key: string): boolean {
    return this.#open.has(key);
  }

  /** A failure was seen. One that is being dealt with already keeps its first moment. */
  begin(key: string, found: Pick<OpenCase, "target" | "failure" | "before" | "detection">): void {
    if (!this.#open.has(key)) this.#open.set(key, { ...found, since: this.#clock.now(), attempt: 0, action: "none" });
  }

  attempt(key: string, attempt: number, action: string): void {
    const found = this.#open.get(key);
    if (found) Object.assign(found, { attempt, action });
  }

  /** The attempt ended well: the wanted state was seen. */
  succeeded(key: string, after: string, reason: string): void {
    const found = this.#open.get(key);
    this.#open.delete(key);
    if (found) this.#write(found, true, after, reason);
  }

  /** The attempt failed; the case stays open for the next one. */
  failed(key: string, after: string, reason: string): void {
    const found = this.#open.get(key);
    if (found && found.attempt > 0) this.#write(found, false, after, reason);
  }

  /** Nobody waits for the outcome any longer. */
  drop(key: string): void {
    this.#open.delete(key);
  }

  #write(found: OpenCase, success: boolean, after: string, reason: string): void {
    const { target, failure, before, detection, since, attempt, action } = found;
    const record: HealingRecord = {
      id: randomUUID(),
      at: new Date(since).toISOString(),
      target,
      failure,
      action,
      attempt,
      success,
      observed: { before, after },
      duration: this.#clock.now() - since,
      reason,
      detection,
    };
    this.#journal.append({ type: "healing", record });
    this.emit("healing", record);
  }
}
