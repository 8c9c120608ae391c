import type { Detection, HealingRecord, HealingTarget } from "../../../../models/healing.ts";
import type { CaseDecision, CaseOutcome, HealingCase } from "../../../../models/healing-case.model.ts";
import { signatureOf } from "../../../../runtime/healing/signature.ts";

/** A case with its id. */
export interface NotedCase extends HealingCase {
  id: string;
}

/** Parts of one kind that a case keeps. */
const MOST_PARTS = 50;
/** Cases that are open at once; beyond it the oldest is closed. */
const MOST_OPEN = 1000;

/** The cases that are open, as they grow; each change is noted until somebody has stored it. */
export class CaseBook {
  readonly #open = new Map<string, NotedCase>();
  readonly #changed = new Map<string, NotedCase>();

  get size(): number {
    return this.#open.size;
  }

  get(id: string): NotedCase | undefined {
    return this.#open.get(id);
  }

  open(): NotedCase[] {
    return [...this.#open.values()];
  }

  /** Takes over a case that was stored. */
  adopt(stored: NotedCase): void {
    this.#open.set(stored.id, stored);
  }

  detected(detection: Detection, error = ""): NotedCase {
    const { id, at, failure, target, severity } = detection;
    const known = this.#open.get(id);
    if (known?.detections.some((one) => one.id === id)) return known;
    const one =
      known ??
      this.#begin(id, {
        failure,
        target,
        severity,
        opened: at,
        signature: signatureOf(failure, target.service ?? target.node ?? "", error),
      });
    push(one, "detections", detection);
    return this.#note(one);
  }

  decided(id: string, decision: CaseDecision): void {
    const one = this.#open.get(id);
    if (!one) return;
    push(one, "decisions", decision);
    this.#note(one);
  }

  /** An act, whoever carried it out; the same one is entered once. */
  acted(record: HealingRecord): NotedCase {
    const id = record.case ?? record.id;
    const asked = record.by === "operator" || record.failure === "none";
    const one =
      this.#open.get(id) ??
      this.#begin(id, {
        failure: asked ? "none" : record.failure,
        target: record.target,
        severity: "failure",
        opened: record.at,
        ...(record.signature ? { signature: record.signature } : {}),
      });
    if (one.acts.some((act) => act.id === record.id)) return one;
    if (one.detections.length === 0 && record.evidence && record.evidence.length > 0) {
      const { at, target, evidence } = record;
      push(one, "detections", {
        id,
        at,
        failure: one.failure as Detection["failure"],
        target,
        evidence,
        severity: "failure",
      });
    }
    // The ladder tells its decisions with its acts only.
    if (record.decision && record.by !== "healer")
      push(one, "decisions", { ...record.decision, at: record.at, mode: "on" });
    if (record.signature) one.signature = record.signature;
    push(one, "acts", record);
    one.lost += record.lost ?? 0;
    const end = new Date(Date.parse(record.at) + record.duration).toISOString();
    if (asked) this.close(id, record.success ? "done" : "failed", end);
    else if (record.action === "quarantine") this.close(id, "quarantined", end);
    else if (record.success && record.by !== "healer") this.close(id, "healed", end);
    return this.#note(one);
  }

  /** @param at ISO 8601 */
  close(id: string, outcome: CaseOutcome, at: string, lost = 0): void {
    const one = this.#open.get(id);
    if (!one) return;
    Object.assign(one, { outcome, closed: at, lost: one.lost + lost });
    this.#open.delete(id);
    this.#note(one);
  }

  /** What has changed since the last time. */
  takeChanged(): NotedCase[] {
    const changed = [...this.#changed.values()];
    this.#changed.clear();
    return changed;
  }

  /** What could not be stored is tried again with the next change. */
  putBack(cases: readonly NotedCase[]): void {
    for (const one of cases)
      if (!this.#changed.has(one.id) && this.#changed.size < MOST_OPEN) this.#changed.set(one.id, one);
  }

  #begin(
    id: string,
    { target, ...rest }: Pick<HealingCase, "failure" | "severity" | "opened" | "signature"> & { target: HealingTarget },
  ): NotedCase {
    const one: NotedCase = {
      id,
      ...rest,
      ...target,
      outcome: "open",
      lost: 0,
      detections: [],
      decisions: [],
      acts: [],
      omitted: 0,
    };
    this.#open.set(id, one);
    if (this.#open.size > MOST_OPEN) this.close(this.#open.keys().next().value!, "gone", rest.opened);
    return one;
  }

  #note(one: NotedCase): NotedCase {
    this.#changed.set(one.id, one);
    return one;
  }
}

function push<K extends "detections" | "decisions" | "acts">(
  one: NotedCase,
  kind: K,
  part: HealingCase[K][number],
): void {
  const parts = one[kind] as unknown[];
  parts.push(part);
  if (parts.length <= MOST_PARTS) return;
  // The first ones say how it began.
  parts.splice(1, 1);
  one.omitted++;
}
