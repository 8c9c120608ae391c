import { markOf } from "../../../../runtime/accounting/packet-id.ts";
import { isSigned, type NodeReport, type SignedReport } from "../../../../runtime/accounting/report.ts";
import type { Clock } from "../../../../runtime/clock.ts";
import type { Entry } from "../../../../tlog/entry.ts";
import { Book } from "./book.ts";
import type { Incarnation } from "./incarnation.ts";
import { Incarnations } from "./incarnations.ts";
import { type PacketRow, Pair } from "./pair.ts";
import { MOST_EPOCHS, readReport } from "./read-report.ts";
import {
  type Accounted,
  addVerdict,
  type Finding,
  isoOf,
  noAmount,
  noTotals,
  summarize,
  type Totals,
  type Verdict,
} from "./verdict.ts";

export interface ReconcilerOptions {
  clock: Clock;
  /** Id of the node that the chain is on: the other side of entries. */
  node: string;
  /** Logs an entry. @param key idempotency key */
  record(eventType: string, data: Record<string, unknown>, key: string): Promise<unknown>;
  /** Calls `node-accounting.report {asked}` of a node. May fail. */
  ask(node: string, asked: number): unknown;
  logger: { warn(message: string, data?: object): void };
}

/** What the reconciler needs of an entry. */
export type ReadEntry = Pick<Entry, "index" | "eventType" | "data">;

/** What both sides do not agree on yet. */
export interface Open {
  from: string;
  to: string;
  epoch: number;
  /** Nodes that have not told everything; none where the log is still to come. */
  waitsFor: string[];
}

export interface AccountedNow extends Accounted {
  open: Open[];
}

/** A verdict waits so long for reports of its epoch that are still to come, ms. */
const HOLD_MS = 15_000;
/** From here on a verdict is given on what is settled, ms. */
const PART_MS = 60_000;
/** What both sides differ in is asked after when nothing has come for so long, ms. */
const ASK_AFTER_MS = 15_000;
const ASK_EVERY_MS = 10_000;
/** A report whose successors are there counts as missing after this time, ms. */
const REPORT_LATE_MS = 30_000;
/** For so long a finding may be withdrawn, ms. */
const AMENDABLE_MS = 600_000;
/** What has been open for so long is given up, ms. */
const GIVEN_UP_MS = 86_400_000;
/** The steady time makes no longer steps, ms: neither does a clock that is set count, nor a process that was stopped. */
const LONGEST_STEP_MS = 5000;
const MOST_OPEN = 50_000;
/** Rows of one verdict: about 40 KiB. */
const MOST_SETTLED = 400;
const MOST_FINDINGS = 60;
const MOST_HISTORY = 20_000;
const MOST_SHOWN = 1000;
/** A log that has got so many entries since the last verdict is not read from there. */
const MOST_REPLAYED = 500_000;

interface Loose {
  finding: Finding;
  isWithdrawn: boolean;
}

/** What a verdict that is being logged settles. */
interface Settled {
  pairs: Pair[];
  books: Book[];
  loose: Loose[];
  verdict: Verdict;
}

/**
 * Compares what nodes say of each other, and of what they have recorded, and logs what comes of it. It knows nothing that
 * is not in the log: fed with the entries from `resumeIndex` on, another one comes to the same state.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #lives = new Incarnations();
  /** By `<epoch> <from> <mark> <to>`, and by `<epoch> <node> <mark>`. */
  readonly #pairs = new Map<string, Pair>();
  readonly #books = new Map<string, Book>();
  /** When the first row of an epoch came. */
  readonly #epochs = new Map<number, number>();
  /** Findings that belong to no pair and no book, and such that no longer hold. */
  #loose: Loose[] = [];
  readonly #told = new Set<string>();
  readonly #asked = new Map<string, number>();
  readonly #history: Pick<Verdict, "epoch" | "matched" | "findings" | "withdrawn">[] = [];
  #totals: Totals = noTotals();
  #number = 0;
  #inFlight: Settled | undefined;
  /** Numbers of own verdicts that have been logged, and have not come back as entries. */
  readonly #given = new Set<number>();
  /** The newest verdict when this reconciler began. */
  #before: Verdict | undefined;
  #from = -1;
  #last = -1;
  #now = 0;
  #clockAt: number;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#clockAt = options.clock.now();
  }

  /**
   * The index from which on a new reconciler is to be fed.
   * @param last data of the newest `accounting.verdict`, if there is one @param size of the log
   */
  static resumeIndex(last: Pick<Verdict, "resume"> | undefined, size: number): number {
    return Math.max(0, last?.resume ?? 0, size - MOST_REPLAYED);
  }

  /** To be called before the first entry, with the newest verdict of the log. */
  resume(last: Verdict): void {
    this.#before = last;
    this.#totals = last.totals;
    this.#number = last.number;
    for (const [node, mark, , key, skipped] of last.nodes) this.#lives.remember(node, mark, key, skipped);
  }

  /** To be called with each entry of the log, in order. */
  entry(entry: ReadEntry): void {
    if (this.#from < 0) this.#from = entry.index;
    this.#last = entry.index;
    const { eventType, data, index } = entry;
    if (eventType.startsWith("accounting.")) {
      if (eventType === "accounting.node") this.#takeReport(data, index);
      else if (eventType === "accounting.verdict") this.#takeVerdict(data as unknown as Verdict);
      else if (eventType === "accounting.declared")
        this.#lives.down(data["node"] as string, data["mark"] as string, this.#now);
      return;
    }
    const source = data["source"] as Source | undefined;
    if (isSource(source)) this.#bookOf(source)?.found(source.seq, index, this.#now);
    if (eventType === "record.refused") this.#takeRefused(data, index);
    else if (eventType === "organism.node") this.#takeNode(data["payload"]);
  }

  /** A node was seen to go. @param instance its instance id, if it is known @param at ms since 1970 */
  nodeDown(node: string, instance: string | undefined, at: number): void {
    const life = instance ? this.#lives.of(node, markOf(instance)) : this.#lives.current(node);
    if (!life || life.end || life.started > at) return;
    this.#lives.down(node, life.mark, this.#now);
    const data = { node, instance: life.instance, mark: life.mark, epoch: life.epoch, at: new Date(at).toISOString() };
    const why = `${node} went down without a last report; what it counted after its epoch ${life.epoch} is not known`;
    const key = `accounting.declared/${node}/${life.mark}/${life.next}`;
    this.#options
      .record("accounting.declared", { ...data, why }, key)
      .catch((error: Error) => this.#options.logger.warn("an end could not be declared", { error: error.message }));
  }

  /** To be called about once a second. */
  tick(): void {
    const now = this.#options.clock.now();
    this.#now += Math.min(LONGEST_STEP_MS, Math.max(0, now - this.#clockAt));
    this.#clockAt = now;
    this.#findMissingReports();
    this.#tidy();
    const waitsFor = new Set<string>();
    for (const pair of this.#pairs.values()) {
      if (pair.recorded || this.#now - pair.changedAt < ASK_AFTER_MS || pair.isEqual) continue;
      const judgement = pair.judge(this.#lives);
      if ("waitsFor" in judgement) for (const { node } of judgement.waitsFor) waitsFor.add(node);
    }
    for (const book of this.#books.values())
      if (!book.recorded && !book.isEqual && this.#now - book.changedAt >= ASK_AFTER_MS) waitsFor.add(book.node);
    for (const node of waitsFor) this.#ask(node);
    if (!this.#inFlight) this.#decide();
  }

  /**
   * What is accounted for. Without times: in the whole log.
   * @param range of epochs' begins, ISO 8601; what a restart of the chain has forgotten is to be summed up with `summarize`
   */
  report(range: { from?: string; to?: string } = {}): AccountedNow {
    const isWhole = range.from === undefined && range.to === undefined;
    const from = range.from ?? "";
    const to = range.to ?? "9999";
    const known = this.#history.filter(({ epoch }) => isWhole || (isoOf(epoch) >= from && isoOf(epoch) < to));
    const open = [...this.#pairs.values()]
      .filter((pair) => !pair.recorded && !pair.isEqual)
      .map((pair) => {
        const judgement = pair.judge(this.#lives);
        const waitsFor = "waitsFor" in judgement ? judgement.waitsFor.map(({ node }) => node) : [];
        return { from: pair.from, to: pair.to, epoch: pair.epoch, waitsFor: [...new Set(waitsFor)] };
      });
    const books = [...this.#books.values()]
      .filter((book) => !book.recorded && !book.isEqual)
      .map(({ node, epoch }) => ({ from: node, to: this.#options.node, epoch, waitsFor: [node] }));
    return {
      ...summarize(known),
      ...(isWhole ? this.#totals : {}),
      open: [...open, ...books].slice(0, MOST_SHOWN),
    };
  }

  #takeReport(data: ReadEntry["data"], index: number): void {
    const signed = readReport(data["payload"]);
    const source = data["source"] as Partial<Source> | undefined;
    if (!signed) {
      this.#suspect(String(source?.node ?? "?"), 0, "a report that cannot be read");
      return;
    }
    const { report } = signed;
    const life = this.#lives.of(report.node, markOf(report.instance));
    const why = this.#whyUntrusted(signed, source, life.key);
    if (why) {
      this.#suspect(report.node, report.epoch, why);
      return;
    }
    if (life.heardAt < 0 && this.#from > 0) life.next = this.#firstNumber(report, index);
    const taken = life.take(signed, index, this.#now);
    if (!taken) return;
    if (taken === "late") {
      this.#loose.push({ finding: this.#missingReport(life, report.number), isWithdrawn: true });
      life.skipped.delete(report.number);
    }
    this.#lives.heard(life, this.#now);
    this.#takeRows(report, index);
  }

  /** Number of the first report that is to be expected, where the log was not read from its beginning. */
  #firstNumber({ node, instance, number }: NodeReport, index: number): number {
    const known = this.#before?.nodes.find(([one, mark]) => one === node && mark === markOf(instance));
    return known && index > this.#before!.through ? known[2] : number;
  }

  #whyUntrusted(signed: SignedReport, source: Partial<Source> | undefined, pinned: string): string | undefined {
    const { node, instance } = signed.report;
    if (source?.node !== node || source.instance !== instance) return `a report in its name came from ${source?.node}`;
    if (pinned !== "" && pinned !== signed.key)
      return "a report is signed with another key than the incarnation's first one";
    return isSigned(signed) ? undefined : "a report's signature does not verify";
  }

  #takeRows(report: NodeReport, index: number): void {
    const mark = markOf(report.instance);
    const add = (from: string, sender: string, epoch: number, to: string, row: PacketRow) =>
      this.#pairOf(from, sender, epoch, to)?.add(row, this.#now);
    for (const { to, mark: receiver, epoch, calls, events, hash } of report.sent)
      add(report.node, mark, epoch, to, { index, side: "sent", mark: receiver, calls, events, hash });
    for (const { from, mark: sender, epoch, calls, events, hash } of report.received)
      add(from, sender, epoch, report.node, { index, side: "received", mark, calls, events, hash });
    for (const row of report.entries)
      this.#bookOf({ node: report.node, instance: report.instance, epoch: row.epoch, seq: 0 })?.report(
        row,
        index,
        this.#now,
      );
    for (const { from, count } of report.unmarked ?? [])
      this.#tell({
        kind: "extra",
        from,
        mark: "",
        to: report.node,
        epoch: report.epoch,
        calls: count,
        why: `packets with ids that cannot be counted, as report ${report.number} of ${report.node} says`,
      });
  }

  #takeRefused(data: ReadEntry["data"], index: number): void {
    const key = (data["payload"] as { key?: unknown } | undefined)?.key;
    const parts = typeof key === "string" ? key.split("/") : [];
    if (parts.length < 4) return;
    const [instance, epoch, seq] = parts.slice(-3) as [string, string, string];
    const source = { node: parts.slice(0, -3).join("/"), instance, epoch: Number(epoch), seq: Number(seq) };
    // The chain has refused it and says so: it is not missing.
    if (isSource(source)) this.#bookOf(source)?.found(source.seq, index, this.#now);
  }

  #takeNode(payload: unknown): void {
    const { id, status, at } = (payload ?? {}) as { id?: unknown; status?: unknown; at?: unknown };
    if (typeof id !== "string" || status !== "down" || typeof at !== "string") return;
    const life = this.#lives.current(id);
    if (life && life.started < Date.parse(at)) this.#lives.down(id, life.mark, this.#now);
  }

  /** A verdict that this reconciler has not given: of the one before it. */
  #takeVerdict(verdict: Verdict): void {
    if (verdict.number === this.#inFlight?.verdict.number) {
      this.#finish();
      return;
    }
    if (this.#given.delete(verdict.number)) return;
    this.#number = Math.max(this.#number, verdict.number);
    this.#totals = verdict.totals;
    this.#remember(verdict);
    const { epoch, through } = verdict;
    for (const [from, mark, to, calls, events, first] of verdict.pairs) {
      const key = pairKey(from, mark, epoch, to);
      const pair = this.#pairs.get(key);
      if (!pair) continue;
      const findings = verdict.findings.filter((one) => one.from === from && one.mark === mark && one.to === to);
      if (findings.length > 0 && first >= this.#from)
        pair.recorded = {
          calls: calls + (pair.recorded?.calls ?? 0),
          events: events + (pair.recorded?.events ?? 0),
          findings,
          at: this.#now,
        };
      else if (pair.forget(through)) this.#pairs.delete(key);
    }
    for (const [node, mark, entries, first] of verdict.books) {
      const key = bookKey(node, mark, epoch);
      const book = this.#books.get(key);
      if (!book) continue;
      const findings = verdict.findings.filter((one) => one.from === node && one.mark === mark && one.entries);
      if (findings.length > 0 && first >= this.#from)
        book.recorded = { entries: entries + (book.recorded?.entries ?? 0), findings, at: this.#now };
      else if (book.lastIndex > through) book.isPartial = true;
      else this.#books.delete(key);
    }
    const logged = new Set(verdict.findings.map(looseKey));
    for (const key of logged) this.#told.add(key);
    this.#loose = this.#loose.filter(({ finding, isWithdrawn }) => isWithdrawn || !logged.has(looseKey(finding)));
  }

  /** Gives at most one verdict. */
  #decide(): void {
    const parts = new Map<number, { pairs: Pair[]; books: Book[]; loose: Loose[] }>();
    const of = (epoch: number) => {
      let part = parts.get(epoch);
      if (!part) {
        part = { pairs: [], books: [], loose: [] };
        parts.set(epoch, part);
      }
      return part;
    };
    for (const pair of this.#pairs.values()) if (isNews(pair)) of(pair.epoch).pairs.push(pair);
    for (const book of this.#books.values()) if (isNews(book)) of(book.epoch).books.push(book);
    for (const loose of this.#loose) of(loose.finding.epoch).loose.push(loose);
    for (const [epoch, { pairs, books, loose }] of [...parts].sort(([one], [other]) => one - other)) {
      const age = this.#now - (this.#epochs.get(epoch) ?? Number.NEGATIVE_INFINITY);
      if (age < HOLD_MS) continue;
      const { settled, isOpen } = this.#settle(epoch, pairs, books, loose);
      const isNew = settled.pairs.length + settled.books.length + settled.loose.length > 0;
      if (!isNew || (isOpen && age < PART_MS)) continue;
      this.#give(settled);
      return;
    }
  }

  /** What of an epoch can be settled now. */
  #settle(epoch: number, pairs: Pair[], books: Book[], loose: Loose[]): { settled: Settled; isOpen: boolean } {
    const verdict = this.#emptyVerdict(epoch);
    const settled: Settled = { pairs: [], books: [], loose: loose.slice(0, MOST_FINDINGS), verdict };
    const withdrawn: Finding[] = [];
    let isOpen = false;
    for (const { finding, isWithdrawn } of settled.loose) (isWithdrawn ? withdrawn : verdict.findings).push(finding);
    const isFull = () =>
      verdict.pairs.length + verdict.books.length >= MOST_SETTLED || verdict.findings.length >= MOST_FINDINGS;
    for (const pair of pairs) {
      if (isFull()) break;
      const judgement = pair.judge(this.#lives);
      if ("waitsFor" in judgement) {
        isOpen = true;
        continue;
      }
      const { outcome } = judgement;
      const [calls, events] = [
        outcome.calls - (pair.recorded?.calls ?? 0),
        outcome.events - (pair.recorded?.events ?? 0),
      ];
      verdict.matched.calls += calls;
      verdict.matched.events += events;
      verdict.findings.push(...outcome.findings);
      withdrawn.push(...(pair.recorded?.findings ?? []));
      verdict.pairs.push([pair.from, pair.mark, pair.to, calls, events, pair.firstIndex]);
      pair.pending = outcome;
      settled.pairs.push(pair);
    }
    for (const book of books) {
      if (isFull()) break;
      const outcome = book.judge(this.#lives.of(book.node, book.mark), this.#options.node, this.#now);
      if (!outcome) {
        isOpen = true;
        continue;
      }
      const entries = outcome.entries - (book.recorded?.entries ?? 0);
      verdict.matched.entries += entries;
      verdict.findings.push(...outcome.findings);
      withdrawn.push(...(book.recorded?.findings ?? []));
      verdict.books.push([book.node, book.mark, entries, book.firstIndex]);
      book.pending = outcome;
      settled.books.push(book);
    }
    if (withdrawn.length > 0) verdict.withdrawn = withdrawn;
    return { settled, isOpen };
  }

  /** Sets apart what is settled: what comes from now on is new. */
  #give(settled: Settled): void {
    const { verdict } = settled;
    this.#inFlight = settled;
    for (const pair of settled.pairs)
      if (pair.pending!.findings.length === 0) this.#pairs.delete(pairKey(pair.from, pair.mark, pair.epoch, pair.to));
    for (const book of settled.books)
      if (book.pending!.findings.length === 0) this.#books.delete(bookKey(book.node, book.mark, book.epoch));
    this.#loose = this.#loose.filter((one) => !settled.loose.includes(one));
    const totals = structuredClone(this.#totals);
    addVerdict(totals, verdict);
    verdict.totals = totals;
    verdict.resume = this.#resume();
    this.#number = verdict.number;
    const key = `accounting.verdict/${verdict.number}/${verdict.epoch}/${verdict.through}`;
    this.#options.record("accounting.verdict", verdict as unknown as Record<string, unknown>, key).then(
      () => {
        if (this.#inFlight !== settled) return;
        this.#given.add(verdict.number);
        this.#finish();
      },
      (error: Error) => {
        this.#options.logger.warn("a verdict on the accounting could not be logged", { error: error.message });
        if (this.#inFlight === settled) this.#takeBack(settled);
      },
    );
  }

  #finish(): void {
    const { pairs, books, verdict } = this.#inFlight!;
    this.#inFlight = undefined;
    this.#totals = verdict.totals;
    this.#remember(verdict);
    for (const part of [...pairs, ...books]) {
      if (part.pending!.findings.length > 0) part.recorded = { ...part.pending!, at: this.#now } as never;
      part.pending = undefined;
    }
  }

  #takeBack({ pairs, books, loose }: Settled): void {
    this.#inFlight = undefined;
    this.#loose.push(...loose);
    for (const pair of pairs) {
      if (pair.pending!.findings.length === 0) {
        const key = pairKey(pair.from, pair.mark, pair.epoch, pair.to);
        const since = this.#pairs.get(key);
        if (since) pair.join(since);
        this.#pairs.set(key, pair);
        this.#touchEpoch(pair.epoch);
      }
      pair.pending = undefined;
    }
    for (const book of books) {
      if (book.pending!.findings.length === 0) {
        const key = bookKey(book.node, book.mark, book.epoch);
        const since = this.#books.get(key);
        if (since) book.join(since);
        this.#books.set(key, book);
        this.#touchEpoch(book.epoch);
      }
      book.pending = undefined;
    }
  }

  #emptyVerdict(epoch: number): Verdict {
    return {
      number: this.#number + 1,
      epoch,
      since: isoOf(epoch),
      matched: noAmount(),
      findings: [],
      pairs: [],
      books: [],
      through: this.#last,
      resume: 0,
      totals: this.#totals,
      nodes: this.#lives.reporting(),
    };
  }

  #resume(): number {
    let first = this.#last + 1;
    for (const pair of this.#pairs.values()) first = Math.min(first, pair.firstIndex);
    for (const book of this.#books.values()) first = Math.min(first, book.firstIndex);
    return first;
  }

  #remember({ epoch, matched, findings, withdrawn }: Verdict): void {
    this.#history.push({ epoch, matched, findings, ...(withdrawn ? { withdrawn } : {}) });
    if (this.#history.length > MOST_HISTORY) this.#history.splice(0, MOST_HISTORY / 10);
  }

  #findMissingReports(): void {
    for (const life of this.#lives.all())
      for (const number of life.skipMissing(this.#now, REPORT_LATE_MS))
        this.#loose.push({ finding: this.#missingReport(life, number), isWithdrawn: false });
  }

  #missingReport(life: Incarnation, number: number): Finding {
    const { node, mark, skipped, epoch } = life;
    const why = `report ${number} of ${node} is not in the log, and later ones are`;
    return {
      kind: "missing",
      from: node,
      mark,
      to: this.#options.node,
      epoch: skipped.get(number) ?? epoch,
      reports: 1,
      why,
    };
  }

  #suspect(node: string, epoch: number, why: string): void {
    this.#tell({ kind: "extra", from: node, mark: "", to: this.#options.node, epoch, reports: 1, why });
  }

  /** Each such finding is told once. */
  #tell(finding: Finding): void {
    const key = looseKey(finding);
    if (this.#told.has(key)) return;
    if (this.#told.size >= MOST_OPEN) this.#told.clear();
    this.#told.add(key);
    this.#loose.push({ finding, isWithdrawn: false });
  }

  #ask(node: string): void {
    const last = this.#asked.get(node) ?? Number.NEGATIVE_INFINITY;
    if (this.#now - last < ASK_EVERY_MS) return;
    this.#asked.set(node, this.#now);
    this.#options.ask(node, this.#last);
  }

  /** Forgets epochs that are over, findings that are final, and what has been open for too long. */
  #tidy(): void {
    const live = new Set<number>();
    const isOver = (part: Pair | Book) =>
      part.recorded
        ? this.#now - part.recorded.at > AMENDABLE_MS && this.#now - part.changedAt > AMENDABLE_MS
        : this.#now - part.changedAt > GIVEN_UP_MS;
    for (const [key, pair] of this.#pairs) {
      if (isOver(pair) && !pair.pending) {
        this.#pairs.delete(key);
        if (!pair.recorded) this.#giveUp(pair.from, pair.mark, pair.to, pair.epoch);
      } else live.add(pair.epoch);
    }
    for (const [key, book] of this.#books) {
      if (isOver(book) && !book.pending) {
        this.#books.delete(key);
        if (!book.recorded) this.#giveUp(book.node, book.mark, this.#options.node, book.epoch);
      } else live.add(book.epoch);
    }
    for (const epoch of this.#epochs.keys()) if (!live.has(epoch)) this.#epochs.delete(epoch);
    this.#lives.tidy(this.#now);
  }

  #giveUp(from: string, mark: string, to: string, epoch: number): void {
    const why = "one side has never told what it counted";
    this.#tell({ kind: "declared", from, mark, to, epoch, reports: 1, why });
  }

  #pairOf(from: string, mark: string, epoch: number, to: string): Pair | undefined {
    const key = pairKey(from, mark, epoch, to);
    let pair = this.#pairs.get(key);
    if (!pair) {
      if (this.#pairs.size >= MOST_OPEN) {
        this.#giveUp(from, mark, to, epoch);
        return undefined;
      }
      pair = new Pair(from, mark, epoch, to);
      this.#pairs.set(key, pair);
      this.#touchEpoch(epoch);
    }
    return pair;
  }

  #bookOf({ node, instance, epoch }: Source): Book | undefined {
    const mark = markOf(instance);
    const key = bookKey(node, mark, epoch);
    let book = this.#books.get(key);
    if (!book) {
      if (this.#books.size >= MOST_OPEN) {
        this.#giveUp(node, mark, this.#options.node, epoch);
        return undefined;
      }
      book = new Book(node, instance, mark, epoch);
      this.#books.set(key, book);
      this.#touchEpoch(epoch);
    }
    return book;
  }

  #touchEpoch(epoch: number): void {
    if (!this.#epochs.has(epoch)) this.#epochs.set(epoch, this.#now);
  }
}

interface Source {
  node: string;
  instance: string;
  epoch: number;
  seq: number;
}

function isSource(source: Partial<Source> | undefined): source is Source {
  return (
    typeof source?.node === "string" &&
    typeof source.instance === "string" &&
    Number.isSafeInteger(source.epoch) &&
    source.epoch! >= 0 &&
    source.epoch! < MOST_EPOCHS &&
    Number.isSafeInteger(source.seq)
  );
}

function pairKey(from: string, mark: string, epoch: number, to: string): string {
  return `${epoch} ${from} ${mark} ${to}`;
}

function bookKey(node: string, mark: string, epoch: number): string {
  return `${epoch} ${node} ${mark}`;
}

function looseKey({ from, mark, epoch, why }: Finding): string {
  return JSON.stringify([from, mark, epoch, why]);
}

/** Whether something has come since it was settled. */
function isNews({ recorded, changedAt }: Pair | Book): boolean {
  return !recorded || changedAt > recorded.at;
}
