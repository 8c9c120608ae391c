import { MultisetHash } from "../../../../runtime/accounting/multiset-hash.ts";
import { EPOCH_MS } from "../../../../runtime/record/epoch.ts";
import type { Incarnation } from "./incarnation.ts";
import type { Finding } from "./verdict.ts";

/** What one report says of packets from one incarnation to another. */
export interface PacketRow {
  /** Of the entry that it stands in. */
  index: number;
  side: "sent" | "received";
  /** Mark of the receiver's incarnation. */
  mark: string;
  calls: number;
  events: number;
  hash: string;
}

export interface Outcome {
  calls: number;
  events: number;
  findings: Finding[];
}

/** Either what came of it, or whom it waits for. */
export type Judgement = { outcome: Outcome } | { waitsFor: { node: string; mark: string }[] };

/** What is known of incarnations. */
export interface Lives {
  of(node: string, mark: string): Incarnation;
  hasToldOf(node: string, mark: string, index: number): boolean;
}

/** The packets of one incarnation of a node, of one of its epochs, to another node. Rows add up. */
export class Pair {
  readonly from: string;
  readonly mark: string;
  readonly epoch: number;
  readonly to: string;
  #rows: PacketRow[] = [];
  #isEqual: boolean | undefined;
  /** When the newest row came, by the reconciler's steady time. */
  changedAt = 0;
  /** Others of its rows are not known any longer. */
  isPartial = false;
  /** As it stands in the log. */
  recorded: (Outcome & { at: number }) | undefined;
  /** In the verdict that is being logged. */
  pending: Outcome | undefined;

  constructor(from: string, mark: string, epoch: number, to: string) {
    this.from = from;
    this.mark = mark;
    this.epoch = epoch;
    this.to = to;
  }

  add(row: PacketRow, now: number): void {
    this.#rows.push(row);
    this.#isEqual = undefined;
    this.changedAt = now;
  }

  /** Takes back what was set apart. */
  join(other: Pair): void {
    this.#rows.push(...other.#rows);
    this.#isEqual = undefined;
  }

  /** Forgets what was told up to an index. @returns whether nothing is left */
  forget(through: number): boolean {
    this.#rows = this.#rows.filter(({ index }) => index > through);
    this.#isEqual = undefined;
    return this.#rows.length === 0;
  }

  get firstIndex(): number {
    return Math.min(...this.#rows.map(({ index }) => index));
  }

  /** Whether both sides say the same. */
  get isEqual(): boolean {
    if (this.#isEqual === undefined) {
      const [sent, received] = [sumOf(this.#rows, "sent"), sumOf(this.#rows, "received")];
      this.#isEqual =
        sent.calls === received.calls && sent.events === received.events && sent.hash.equals(received.hash);
    }
    return this.#isEqual;
  }

  judge(lives: Lives): Judgement {
    if (this.isEqual) {
      const { calls, events } = sumOf(this.#rows, "sent");
      return { outcome: { calls, events, findings: [] } };
    }
    const last = Math.max(...this.#rows.map(({ index }) => index));
    const marks = [...new Set(this.#rows.map(({ mark }) => mark))];
    const parties = [{ node: this.from, mark: this.mark }, ...marks.map((mark) => ({ node: this.to, mark }))];
    const waitsFor = parties.filter(({ node, mark }) => !lives.hasToldOf(node, mark, last));
    if (waitsFor.length > 0) return { waitsFor };
    return { outcome: this.isPartial ? this.#unknown() : this.#compare(marks, lives) };
  }

  #compare(marks: string[], lives: Lives): Outcome {
    const outcome: Outcome = { calls: 0, events: 0, findings: [] };
    const sender = lives.of(this.from, this.mark);
    for (const kind of ["calls", "events"] as const) {
      let missing = 0;
      let extra = 0;
      let again = 0;
      const gone: { life: Incarnation; count: number }[] = [];
      for (const mark of marks) {
        const life = lives.of(this.to, mark);
        const rows = this.#rows.filter((row) => row.mark === mark);
        const [sent, received] = [sumOf(rows, "sent")[kind], sumOf(rows, "received")[kind]];
        outcome[kind] += Math.min(sent, received);
        if (sent > received && life.end) gone.push({ life, count: sent - received });
        else if (sent > received) missing += sent - received;
        // Who has begun later than the epoch got what had been sent to another life.
        else if (life.started > (this.epoch + 1) * EPOCH_MS) again += received - sent;
        else extra += received - sent;
      }
      // What was meant for a life that had ended may have reached the next one.
      for (const one of gone) {
        const taken = Math.min(one.count, extra + again);
        const ofExtra = Math.min(taken, extra);
        extra -= ofExtra;
        again -= taken - ofExtra;
        outcome[kind] += taken;
        if (one.count > taken)
          this.#find(outcome, "declared", kind, one.count - taken, `${this.to} ${one.life.endWords}`);
      }
      if (again > 0)
        this.#find(outcome, "declared", kind, again, `delivered again to ${this.to}, which had started anew`);
      if (missing > 0) this.#missing(outcome, kind, missing, marks, lives);
      if (extra > 0 && sender.end) this.#find(outcome, "declared", kind, extra, `${this.from} ${sender.endWords}`);
      else if (extra > 0) this.#find(outcome, "extra", kind, extra, `${this.from} does not say that it has sent it`);
    }
    if (outcome.findings.length === 0) this.#differing(outcome, marks, lives);
    return outcome;
  }

  #unknown(): Outcome {
    const [sent, received] = [sumOf(this.#rows, "sent"), sumOf(this.#rows, "received")];
    const [calls, events] = [Math.min(sent.calls, received.calls), Math.min(sent.events, received.events)];
    const outcome: Outcome = { calls, events, findings: [] };
    const differ = { calls: Math.abs(sent.calls - received.calls), events: Math.abs(sent.events - received.events) };
    for (const kind of ["calls", "events"] as const)
      if (differ[kind] > 0)
        this.#find(
          outcome,
          "declared",
          kind,
          differ[kind],
          "told when its account was closed already, or while the chain began anew",
        );
    return outcome;
  }

  #missing(outcome: Outcome, kind: "calls" | "events", count: number, marks: string[], lives: Lives): void {
    const sender = lives.of(this.from, this.mark);
    const deaf = [sender, ...marks.map((mark) => lives.of(this.to, mark))].find((life) => life.wasDeafIn(this.epoch));
    if (deaf) this.#find(outcome, "declared", kind, count, `the bus was interrupted for ${deaf.node}`);
    else {
      const finding = this.#find(outcome, "missing", kind, count, `${this.to} has not received it`);
      const unanswered = kind === "calls" ? Math.min(count, sender.lostTo(this.to, this.firstIndex)) : 0;
      if (unanswered > 0) finding.unanswered = unanswered;
    }
  }

  /** The numbers agree and the packets do not: at least one has been put in another's place. */
  #differing(outcome: Outcome, marks: string[], lives: Lives): void {
    const kind = outcome.calls > 0 ? "calls" : "events";
    outcome[kind]--;
    const parties = [lives.of(this.from, this.mark), ...marks.map((mark) => lives.of(this.to, mark))];
    const gone = parties.find(({ end }) => end);
    if (gone) {
      this.#find(outcome, "declared", kind, 1, `${gone.node} ${gone.endWords}`);
      return;
    }
    this.#find(outcome, "missing", kind, 1, "as many were received as sent, but not the same ones");
    this.#find(outcome, "extra", kind, 1, "as many were received as sent, but not the same ones");
  }

  #find(outcome: Outcome, kind: Finding["kind"], what: "calls" | "events", count: number, why: string): Finding {
    const { from, mark, to, epoch } = this;
    const known = outcome.findings.find((one) => one.kind === kind && one.why === why);
    const finding = known ?? { kind, from, mark, to, epoch, why };
    finding[what] = (finding[what] ?? 0) + count;
    if (!known) outcome.findings.push(finding);
    return finding;
  }
}

function sumOf(rows: readonly PacketRow[], side: PacketRow["side"]) {
  const hash = new MultisetHash();
  let calls = 0;
  let events = 0;
  for (const row of rows) {
    if (row.side !== side) continue;
    calls += row.calls;
    events += row.events;
    hash.join(MultisetHash.parse(row.hash));
  }
  return { calls, events, hash };
}
