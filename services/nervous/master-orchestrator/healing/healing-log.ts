import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import type { Detection, Failure, HealingDecision, HealingRecord, Rung } from "../../../../models/healing.ts";
import type { Clock } from "../../../../runtime/clock.ts";
import { words } from "../../../../runtime/healing/words.ts";
import type { Decided } from "../../../../runtime/record/decision.ts";
import type { Journal } from "../journal.ts";

const MOST_EVIDENCE = 20;

/** A failure as it was seen. */
export interface Found {
  target: HealingRecord["target"];
  failure: Failure;
  /** The state before anything was done, in words. */
  before: string;
  /** Upper bound of the time from the failure to its being seen, ms. */
  detection: number;
  /** What says so: one sentence each. */
  evidence: string[];
  signature?: string;
}

/** What is being tried. */
export interface Step {
  attempt: number;
  action: string;
  decision?: HealingDecision;
  rung?: Rung;
}

interface OpenCase extends Found {
  id: string;
  since: number;
  step: Step | undefined;
}

interface HealingEvents {
  healing: [HealingRecord];
  detected: [Detection];
}

/** Follows each failure from its being seen to the end of the attempts at it, and keeps each outcome. */
export class HealingLog extends EventEmitter<HealingEvents> {
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #record: (decided: Decided) => Promise<void> | undefined;
  readonly #open = new Map<string, OpenCase>();

  /** @param record puts a decision on record before it is carried out; by default none is */
  constructor(
    clock: Clock,
    journal: Journal,
    record: (decided: Decided) => Promise<void> | undefined = () => undefined,
  ) {
    super();
    this.#clock = clock;
    this.#journal = journal;
    this.#record = record;
  }

  /** To be awaited before something is done; nothing where nothing is to be waited for. */
  onRecord(decided: Omit<Decided, "by">, by: Decided["by"] = "ladder"): Promise<void> | undefined {
    return this.#record({ ...decided, by });
  }

  /** The same for the step that is being tried now. */
  stepOnRecord(key: string): Promise<void> | undefined {
    const found = this.#open.get(key);
    if (!found?.step) return undefined;
    const { id, target, failure, evidence, step } = found;
    const { action, attempt, decision } = step;
    const reason = decision?.why ?? evidence.at(-1) ?? "";
    return this.onRecord({
      id,
      target,
      failure,
      action,
      attempt,
      reason,
      evidence,
      alternatives: decision?.alternatives,
    });
  }

  isOpen(key: string): boolean {
    return this.#open.has(key);
  }

  signatureOf(key: string): string | undefined {
    return this.#open.get(key)?.signature;
  }

  /** True while nothing is done, since something else is the cause. */
  isWaiting(key: string): boolean {
    return this.#open.get(key)?.step?.action === "wait";
  }

  /** A failure was seen. One that is being dealt with already keeps its first moment. */
  begin(key: string, found: Found): void {
    if (this.#open.has(key)) return;
    const id = randomUUID();
    const since = this.#clock.now();
    this.#open.set(key, { ...found, id, since, step: undefined });
    const { target, failure, evidence } = found;
    this.emit("detected", { id, at: new Date(since).toISOString(), failure, target, evidence, severity: "failure" });
  }

  attempt(key: string, step: Step): void {
    const found = this.#open.get(key);
    if (found) found.step = step;
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
    if (found?.step) this.#write(found, false, after, reason);
  }

  /** It is given up, which ends the case. */
  gaveUp(key: string, reason: string, decision: HealingDecision): void {
    const found = this.#open.get(key);
    this.#open.delete(key);
    if (!found) return;
    found.step = { attempt: found.step?.attempt ?? 0, action: "quarantine", decision, rung: "quarantine" };
    this.#write(found, false, "quarantined", reason);
  }

  /** Nobody waits for the outcome any longer. */
  drop(key: string): void {
    this.#open.delete(key);
  }

  /** Enters an act that somebody else carried out. */
  enter(record: HealingRecord): void {
    const { reason, observed, evidence } = record;
    const brief: HealingRecord = {
      ...record,
      reason: words(reason),
      observed: { before: words(observed.before), after: words(observed.after) },
      ...(evidence ? { evidence: evidence.slice(0, MOST_EVIDENCE).map(words) } : {}),
    };
    this.#journal.append({ type: "healing", record: brief });
    this.emit("healing", brief);
  }

  #write(found: OpenCase, success: boolean, after: string, reason: string): void {
    const { id, target, failure, before, detection, since, step, evidence, signature } = found;
    const { attempt, action, decision, rung } = step ?? { attempt: 0, action: "none" };
    this.enter({
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
      case: id,
      evidence,
      by: "ladder",
      ...(decision ? { decision } : {}),
      ...(rung ? { rung } : {}),
      ...(signature ? { signature } : {}),
    });
  }
}
