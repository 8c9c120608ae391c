import { markOf } from "../../../../runtime/accounting/packet-id.ts";
import { isSigned, type NodeReport, type SignedReport } from "../../../../runtime/accounting/report.ts";
import type { Incarnation } from "./incarnation.ts";
import type { Incarnations } from "./incarnations.ts";
import type { OpenAccounts } from "./open-accounts.ts";
import type { PacketRow } from "./pair.ts";
import { readReport } from "./read-report.ts";
import { type Source, sourceOf } from "./source.ts";
import type { Finding, Verdict } from "./verdict.ts";

/** Takes what nodes report into the open accounts: who is believed, which report is missing, and what each row says. */
export class ReportIntake {
  readonly #node: string;
  readonly #lives: Incarnations;
  readonly #open: OpenAccounts;
  /** The newest verdict when the reconciler began, and the index from which on it was fed. */
  #before: Verdict | undefined;
  #from = 0;

  /** @param node that the chain is on */
  constructor(node: string, lives: Incarnations, open: OpenAccounts) {
    this.#node = node;
    this.#lives = lives;
    this.#open = open;
  }

  resume(before: Verdict | undefined, from: number): void {
    this.#before = before;
    this.#from = from;
  }

  take(data: Record<string, unknown>, index: number, now: number): void {
    const signed = readReport(data["payload"]);
    const source = sourceOf(data);
    if (!signed) {
      this.#suspect(source?.node ?? "?", 0, "a report that cannot be read");
      return;
    }
    const { report } = signed;
    const life = this.#lives.of(report.node, markOf(report.instance));
    const why = whyUntrusted(signed, source, life.key);
    if (why) {
      this.#suspect(report.node, report.epoch, why);
      return;
    }
    if (this.#open.partialEpoch === Number.POSITIVE_INFINITY) this.#open.partialEpoch = report.epoch + 1;
    if (life.heardAt < 0 && this.#from > 0) life.next = this.#firstNumber(report, index);
    const taken = life.take(signed, index, now);
    if (!taken) return;
    if (taken === "late") {
      this.#open.withdraw(this.missing(life, report.number));
      life.skipped.delete(report.number);
    }
    this.#lives.heard(life, now);
    this.#takeRows(report, index, now);
  }

  /** Number of the first report that is to be expected, where the log was not read from its beginning. */
  #firstNumber({ node, instance, number }: NodeReport, index: number): number {
    const known = this.#before?.nodes.find(([one, mark]) => one === node && mark === markOf(instance));
    return known && index > this.#before!.through ? known[2] : number;
  }

  #takeRows(report: NodeReport, index: number, now: number): void {
    const { node, instance, epoch: current, number } = report;
    const mark = markOf(instance);
    const add = (from: string, sender: string, epoch: number, to: string, row: PacketRow) =>
      this.#open.pair(from, sender, epoch, to, now)?.add(row, now);
    for (const { to, mark: receiver, epoch, calls, events, hash } of report.sent)
      add(node, mark, epoch, to, { index, side: "sent", mark: receiver, calls, events, hash });
    for (const { from, mark: sender, epoch, calls, events, hash } of report.received)
      add(from, sender, epoch, node, { index, side: "received", mark, calls, events, hash });
    for (const row of report.entries)
      this.#open.book({ node, instance, epoch: row.epoch }, now)?.report(row, index, now);
    for (const { from, count } of report.unmarked ?? []) {
      const why = `packets with ids that cannot be counted, as report ${number} of ${node} says`;
      this.#open.tell({ kind: "extra", from, mark: "", to: node, epoch: current, calls: count, why });
    }
  }

  /** That a report is not there whose successors are. */
  missing({ node, mark, skipped, epoch }: Incarnation, number: number): Finding {
    const why = `report ${number} of ${node} is not in the log, and later ones are`;
    const found = skipped.get(number) ?? epoch;
    return { kind: "missing", from: node, mark, to: this.#node, epoch: found, reports: 1, why };
  }

  #suspect(node: string, epoch: number, why: string): void {
    this.#open.tell({ kind: "extra", from: node, mark: "", to: this.#node, epoch, reports: 1, why });
  }
}

function whyUntrusted(signed: SignedReport, source: Source | undefined, pinned: string): string | undefined {
  const { node, instance } = signed.report;
  if (source?.node !== node || source.instance !== instance) return `a report in its name came from ${source?.node}`;
  if (pinned !== "" && pinned !== signed.key)
    return "a report is signed with another key than the incarnation's first one";
  return isSigned(signed) ? undefined : "a report's signature does not verify";
}
