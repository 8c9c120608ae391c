import { markOf } from "../../../../runtime/accounting/packet-id.ts";
import type { Clock } from "../../../../runtime/clock.ts";
import type { Entry } from "../../../../tlog/entry.ts";
import { Incarnations } from "./incarnations.ts";
import { OpenAccounts, type Settled } from "./open-accounts.ts";
import { type Open, Questions } from "./questions.ts";
import { ReportIntake } from "./report-intake.ts";
import { settle, unsettle } from "./settle.ts";
import { refusedSource, sourceOf } from "./source.ts";
import { type Accounted, addVerdict, noTotals, summarize, type Totals, type Verdict } from "./verdict.ts";

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

export interface AccountedNow extends Accounted {
  open: Open[];
}

/** A verdict waits so long for reports of its epoch that are still to come, ms. */
const HOLD_MS = 15_000;
/** From here on a verdict is given on what is settled, ms. */
const PART_MS = 60_000;
/** A report whose successors are there counts as missing after this time, ms. */
const REPORT_LATE_MS = 30_000;
/** The steady time makes no longer steps, ms: neither does a clock that is set count, nor a process that was stopped. */
const LONGEST_STEP_MS = 5000;
/** Of one verdict, so that it is an entry of about 45 KiB at most. */
const MOST = { rows: 250, findings: 40 };
const MOST_HISTORY = 20_000;
const MOST_SHOWN = 1000;
/** Of a log that has got more entries since the last verdict, only so many are read. */
const MOST_REPLAYED = 5_000_000;

/**
 * Compares what nodes say of each other, and of what they have recorded, and logs what comes of it. It knows nothing that
 * is not in the log: fed with the entries from `resumeIndex` on, another one comes to the same state.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #lives = new Incarnations();
  readonly #open: OpenAccounts;
  readonly #intake: ReportIntake;
  readonly #questions: Questions;
  readonly #history: Pick<Verdict, "epoch" | "since" | "matched" | "findings" | "withdrawn">[] = [];
  #totals: Totals = noTotals();
  #number = 0;
  /** Of the log's first verdict. */
  #first: string | undefined;
  #inFlight: Settled | undefined;
  #most = MOST;
  /** Numbers of own verdicts that have been logged, and have not come back as entries. */
  readonly #given = new Set<number>();
  /** The newest verdict when this reconciler began, and the index from which on it was fed. */
  #before: Verdict | undefined;
  #from = 0;
  #last = -1;
  #now = 0;
  #clockAt: number;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#open = new OpenAccounts(options.node);
    this.#intake = new ReportIntake(options.node, this.#lives, this.#open);
    this.#questions = new Questions(options.node, this.#lives, this.#open);
    this.#clockAt = options.clock.now();
  }

  /**
   * The index from which on a new reconciler is to be fed.
   * @param last data of the newest `accounting.verdict`, if there is one @param size of the log
   */
  static resumeIndex(last: Pick<Verdict, "resume"> | undefined, size: number): number {
    return Math.max(0, last?.resume ?? 0, size - MOST_REPLAYED);
  }

  /** Whether it knows every verdict, and so every finding, of the log. */
  get knowsAll(): boolean {
    return this.#from === 0 && this.#before === undefined && this.#history.length < MOST_HISTORY;
  }

  /**
   * To be called before the first entry, where the log was not just begun.
   * @param last the newest verdict, if there is one @param from index of the first entry that is fed; see `resumeIndex`
   */
  resume(last: Verdict | undefined, from: number): void {
    this.#before = last;
    this.#from = from;
    this.#intake.resume(last, from);
    // Not all that is open can be read any longer.
    if (from > (last?.resume ?? 0)) this.#open.partialEpoch = Number.POSITIVE_INFINITY;
    if (!last) return;
    this.#totals = last.totals;
    this.#number = last.number;
    this.#first = last.first;
    for (const [node, mark, , key, skipped] of last.nodes) this.#lives.remember(node, mark, key, skipped);
  }

  /** The public key that a node announces on the bus. The first one of an incarnation is the one that is believed. */
  announced(node: string, instance: string, key: string): void {
    this.#lives.remember(node, markOf(instance), key, []);
  }

  /** To be called with each entry of the log, in order. */
  entry({ index, eventType, data }: ReadEntry): void {
    this.#last = index;
    if (eventType === "accounting.node") this.#intake.take(data, index, this.#now);
    else if (eventType === "accounting.verdict") this.#takeVerdict(data as unknown as Verdict);
    else if (eventType === "accounting.declared")
      this.#lives.down(String(data["node"]), String(data["mark"]), this.#now);
    else this.#takeEntry(eventType, data, index);
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
    for (const life of this.#lives.all())
      for (const number of life.skipMissing(this.#now, REPORT_LATE_MS))
        this.#open.tell(this.#intake.missing(life, number));
    this.#open.tidy(this.#now);
    this.#lives.tidy(this.#now);
    for (const node of this.#questions.due(this.#now)) this.#options.ask(node, this.#last);
    if (!this.#inFlight) this.#decide();
  }

  /**
   * What is accounted for. Without times: in the whole log.
   * @param range of epochs' begins, ISO 8601; what a restart of the chain has forgotten is to be summed up with `summarize`
   */
  report({ from, to }: { from?: string; to?: string } = {}): AccountedNow {
    const isWhole = from === undefined && to === undefined;
    const [begin, end] = [Date.parse(from ?? "") || 0, Date.parse(to ?? "") || Number.POSITIVE_INFINITY];
    const isWithin = ({ since }: Pick<Verdict, "since">) => Date.parse(since) >= begin && Date.parse(since) < end;
    const known = this.#history.filter((verdict) => isWhole || isWithin(verdict));
    const first = isWhole && this.#first !== undefined ? { from: this.#first } : {};
    const open = this.#questions.open(this.#now).slice(0, MOST_SHOWN);
    return { ...summarize(known), ...(isWhole ? this.#totals : {}), ...first, open };
  }

  #takeEntry(eventType: string, data: ReadEntry["data"], index: number): void {
    const source = sourceOf(data);
    if (source) this.#open.book(source, this.#now)?.found(source.seq, index, this.#now);
    // The chain has refused that one and says so: it is not missing.
    const refused = eventType === "record.refused" ? refusedSource(data) : undefined;
    if (refused) this.#open.book(refused, this.#now)?.found(refused.seq, index, this.#now);
    if (eventType === "organism.node") this.#takeNode(data["payload"]);
  }

  #takeNode(payload: unknown): void {
    const { id, status, at } = (payload ?? {}) as { id?: unknown; status?: unknown; at?: unknown };
    if (typeof id !== "string" || status !== "down" || typeof at !== "string") return;
    const life = this.#lives.current(id);
    if (life && life.started < Date.parse(at)) this.#lives.down(id, life.mark, this.#now);
  }

  #takeVerdict(verdict: Verdict): void {
    if (verdict.number === this.#inFlight?.verdict.number) {
      this.#finish(this.#inFlight);
      return;
    }
    if (this.#given.delete(verdict.number)) return;
    this.#number = Math.max(this.#number, verdict.number);
    this.#totals = verdict.totals;
    this.#first = verdict.first;
    this.#remember(verdict);
    this.#open.replay(verdict, this.#from, this.#now);
  }

  /** Gives at most one verdict. */
  #decide(): void {
    for (const open of this.#open.epochs()) {
      const age = this.#now - open.since;
      if (age < HOLD_MS) continue;
      const { node: chain } = this.#options;
      const { settled, isOpen } = settle(open, { lives: this.#lives, chain, now: this.#now, most: this.#most });
      const isNew = settled.pairs.length + settled.books.length + settled.loose.length > 0;
      if (isNew && (!isOpen || age >= PART_MS)) {
        this.#give(settled);
        return;
      }
      unsettle(settled);
    }
  }

  #give(settled: Settled): void {
    const { verdict } = settled;
    this.#inFlight = settled;
    this.#open.setApart(settled);
    verdict.number = ++this.#number;
    verdict.first = this.#first ?? verdict.since;
    verdict.through = this.#last;
    verdict.resume = this.#open.firstIndex(this.#last + 1);
    verdict.nodes = this.#lives.reporting();
    verdict.totals = structuredClone(this.#totals);
    addVerdict(verdict.totals, verdict);
    const key = `accounting.verdict/${verdict.number}/${verdict.epoch}/${verdict.through}`;
    this.#options.record("accounting.verdict", { ...verdict }, key).then(
      () => {
        if (this.#inFlight !== settled) return;
        this.#given.add(verdict.number);
        this.#finish(settled);
      },
      (error: Error) => {
        this.#options.logger.warn("a verdict on the accounting could not be logged", { error: error.message });
        if (this.#inFlight !== settled) return;
        this.#inFlight = undefined;
        // It may have been too large.
        this.#most = { rows: Math.ceil(this.#most.rows / 2), findings: Math.ceil(this.#most.findings / 2) };
        this.#open.takeBack(settled, this.#now);
      },
    );
  }

  #finish(settled: Settled): void {
    this.#inFlight = undefined;
    this.#most = MOST;
    this.#totals = settled.verdict.totals;
    this.#first = settled.verdict.first;
    this.#remember(settled.verdict);
    this.#open.close(settled, this.#now);
  }

  #remember({ epoch, since, matched, findings, withdrawn }: Verdict): void {
    this.#history.push({ epoch, since, matched, findings, ...(withdrawn ? { withdrawn } : {}) });
    if (this.#history.length > MOST_HISTORY) this.#history.splice(0, MOST_HISTORY / 10);
  }
}
