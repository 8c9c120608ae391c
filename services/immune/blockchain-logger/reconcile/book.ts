import { entrySalt } from "../../../../runtime/accounting/entry-tally.ts";
import { MultisetHash, type Salt } from "../../../../runtime/accounting/multiset-hash.ts";
import type { EntriesRow } from "../../../../runtime/accounting/report.ts";
import type { Incarnation } from "./incarnation.ts";
import type { Finding } from "./verdict.ts";

export interface BookOutcome {
  entries: number;
  findings: Finding[];
}

/** What is on the disk of a node that has ended is delivered by others within this time, ms. */
const LEFT_BEHIND_MS = 120_000;

/** The entries that one incarnation of a node has recorded in one epoch, as it says, and as the log has them. */
export class Book {
  readonly node: string;
  readonly mark: string;
  readonly epoch: number;
  readonly #salt: Salt;
  readonly #recorded = { count: 0, bestEffort: 0, hash: new MultisetHash() };
  readonly #found = { count: 0, hash: new MultisetHash() };
  firstIndex = Number.POSITIVE_INFINITY;
  lastIndex = -1;
  changedAt = 0;
  recorded: (BookOutcome & { at: number }) | undefined;
  pending: BookOutcome | undefined;
  /** Others of its entries are not known any longer. */
  isPartial = false;

  constructor(node: string, instance: string, mark: string, epoch: number) {
    this.node = node;
    this.mark = mark;
    this.epoch = epoch;
    this.#salt = entrySalt(node, instance, epoch);
  }

  /** What the node says. */
  report({ durable, bestEffort, dropped, hash }: EntriesRow, index: number, now: number): void {
    this.#recorded.count += durable + bestEffort - dropped;
    this.#recorded.bestEffort += bestEffort;
    this.#recorded.hash.join(MultisetHash.parse(hash));
    this.#touch(index, now);
  }

  /** An entry of it is in the log. */
  found(seq: number, index: number, now: number): void {
    this.#found.count++;
    this.#found.hash.add(seq, this.#salt);
    this.#touch(index, now);
  }

  get isEqual(): boolean {
    return this.#recorded.count === this.#found.count && this.#recorded.hash.equals(this.#found.hash);
  }

  /** Takes back what was set apart. */
  join(other: Book): void {
    this.#recorded.count += other.#recorded.count;
    this.#recorded.bestEffort += other.#recorded.bestEffort;
    this.#recorded.hash.join(other.#recorded.hash);
    this.#found.count += other.#found.count;
    this.#found.hash.join(other.#found.hash);
    this.firstIndex = Math.min(this.firstIndex, other.firstIndex);
    this.lastIndex = Math.max(this.lastIndex, other.lastIndex);
  }

  /** Undefined while more may come. */
  judge(life: Incarnation, chain: string, now: number): BookOutcome | undefined {
    const [recorded, found] = [this.#recorded.count, this.#found.count];
    if (this.isEqual) return { entries: found, findings: [] };
    if (!life.hasToldOf(this.lastIndex, now) || (life.waiting > 0 && !life.end)) return undefined;
    const findings: Finding[] = [];
    const find = (kind: Finding["kind"], entries: number, why: string) =>
      findings.push({ kind, from: this.node, mark: this.mark, to: chain, epoch: this.epoch, entries, why });
    const entries = Math.min(recorded, found);
    if (this.isPartial) {
      const differ = Math.abs(recorded - found);
      find("declared", Math.max(1, differ), "told when its account was closed already, or while the chain began anew");
      return { entries, findings };
    }
    if (found > recorded && life.end)
      find("declared", found - recorded, `${this.node} ${life.endWords} before it counted them`);
    else if (found > recorded) find("extra", found - recorded, `${this.node} does not say that it has recorded them`);
    else if (recorded > found && life.end) {
      const inMemory = Math.min(recorded - found, this.#recorded.bestEffort);
      const onDisk = recorded - found - inMemory;
      const isOver = now - life.end.at >= LEFT_BEHIND_MS && life.end.how !== "down";
      if (onDisk > 0 && !isOver) return undefined;
      if (inMemory > 0) find("declared", inMemory, `${this.node} ${life.endWords} with them in memory`);
      if (onDisk > 0) find("missing", onDisk, "recorded, and not in the log");
    } else if (recorded > found) find("missing", recorded - found, "recorded, and not in the log");
    else if (life.end) {
      // It has lost some, and not counted as many others.
      find("declared", 1, `${this.node} ${life.endWords} before it counted them`);
      return { entries: entries - 1, findings };
    } else {
      find("missing", 1, "as many are in the log as were recorded, but not the same ones");
      find("extra", 1, "as many are in the log as were recorded, but not the same ones");
      return { entries: entries - 1, findings };
    }
    return { entries, findings };
  }

  #touch(index: number, now: number): void {
    this.firstIndex = Math.min(this.firstIndex, index);
    this.lastIndex = Math.max(this.lastIndex, index);
    this.changedAt = now;
  }
}
