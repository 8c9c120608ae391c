import type { SignedReport } from "../../../../runtime/accounting/report.ts";
import { EPOCH_MS } from "../../../../runtime/record/epoch.ts";

/** How an incarnation has ended: it said so itself, another one has taken its place, or somebody saw it go. */
export type End = "left" | "replaced" | "down";

/** Time in which what an incarnation has left behind may still come, ms. */
const HEIRS_MS = 30_000;
/** A bus may have been deaf for so long before that was noticed, and after it was thought to be back, ms. */
const DEAF_MS = 15_000;
const MAX_INTERRUPTIONS = 100;
const MAX_LOST = 1000;
const MAX_SKIPPED = 20;

/** What is known of one life of a node. Times without a unit are ms of the reconciler's own steady time. */
export class Incarnation {
  readonly node: string;
  readonly mark: string;
  instance = "";
  /** Public key, pinned by the first report. */
  key = "";
  /** Start by the node's clock, ms since 1970. */
  started = 0;
  /** Number of the next report, and those that have come before it. */
  next = 1;
  readonly ahead = new Map<number, number>();
  /** Reports that are missing, and the epoch in which that was found. */
  readonly skipped = new Map<number, number>();
  /** Epoch of the newest report. */
  epoch = 0;
  /** Index up to which the node has answered: what it counted of what is there has come. */
  asked = -1;
  /** Bytes that waited for delivery when it reported last. */
  waiting = 0;
  /** -1 for one that has said nothing yet. */
  heardAt = -1;
  end: { how: End; at: number } | undefined;
  readonly #interrupted: { from: number; until: number }[] = [];
  readonly #lost: { to: string; calls: number; index: number }[] = [];

  constructor(node: string, mark: string) {
    this.node = node;
    this.mark = mark;
  }

  /** @returns false for a report that has come before; "late" for one that was thought to be missing */
  take({ report, key }: SignedReport, index: number, now: number): boolean | "late" {
    const { number, instance, started, epoch, asked, waiting = 0, interrupted = [], lost = [], final } = report;
    const isLate = this.skipped.has(number);
    if ((number < this.next && !isLate) || this.ahead.has(number)) return false;
    if (!isLate) this.ahead.set(number, now);
    while (this.ahead.delete(this.next)) this.next++;
    this.instance ||= instance;
    this.key ||= key;
    this.started = started;
    this.epoch = Math.max(this.epoch, epoch);
    this.asked = Math.max(this.asked, asked ?? -1);
    this.waiting = waiting;
    this.heardAt = now;
    this.#interrupted.push(...interrupted);
    this.#interrupted.splice(0, this.#interrupted.length - MAX_INTERRUPTIONS);
    this.#lost.push(...lost.map((one) => ({ ...one, index })));
    this.#lost.splice(0, this.#lost.length - MAX_LOST);
    if (final) this.end = { how: "left", at: now };
    else if (this.end?.how === "down") {
      // It was only out of reach, or somebody delivers what it has left: then this is not the last of it.
      if (now - this.end.at > HEIRS_MS) this.end = undefined;
      else this.end.at = now;
    }
    return isLate ? "late" : true;
  }

  ends(how: End, now: number): void {
    if (!this.end || (this.end.how === "down" && how !== "down")) this.end = { how, at: now };
  }

  /** Whether everything that it counted of what stands in the log up to `index` has come, as far as it ever will. */
  hasToldOf(index: number, now: number): boolean {
    if (this.asked >= index && this.ahead.size === 0) return true;
    if (!this.end) return false;
    return (this.end.how === "left" && this.ahead.size === 0) || now - this.end.at >= HEIRS_MS;
  }

  /** Whether it was without the bus in an epoch. */
  wasDeafIn(epoch: number): boolean {
    const from = epoch * EPOCH_MS - DEAF_MS;
    const until = (epoch + 1) * EPOCH_MS + DEAF_MS;
    return this.#interrupted.some((one) => one.from < until && one.until > from);
  }

  /** Calls to a node that ended without an answer, as told in entries from an index on. */
  lostTo(node: string, index: number): number {
    return this.#lost.reduce((sum, one) => (one.to === node && one.index >= index ? sum + one.calls : sum), 0);
  }

  /** Gives up reports whose successors have been there for so long. @returns their numbers */
  skipMissing(now: number, after: number): number[] {
    if (this.ahead.size === 0) return [];
    const last = Math.max(0, ...[...this.ahead].filter(([, at]) => now - at >= after).map(([number]) => number));
    const missing: number[] = [];
    for (; this.next < last || this.ahead.has(this.next); this.next++) {
      if (this.ahead.delete(this.next)) continue;
      missing.push(this.next);
      this.skipped.set(this.next, this.epoch);
      if (this.skipped.size > MAX_SKIPPED) this.skipped.delete(this.skipped.keys().next().value!);
    }
    return missing;
  }

  /** As a sentence's end: "was killed". */
  get endWords(): string {
    if (this.end?.how === "left") return "left";
    return this.end?.how === "down" ? "went down" : "was killed or replaced";
  }
}
