import type { Recorder } from "../record/recorder.ts";
import type { EntryTally } from "./entry-tally.ts";
import type { EntriesRow, NodeReport, ReceivedRow, SentRow, SignedReport } from "./report.ts";

export interface ReportingOptions {
  recorder: Pick<Recorder, "durable" | "on" | "stats">;
  sign(report: NodeReport): SignedReport;
  base(): Pick<NodeReport, "node" | "instance" | "epoch" | "at">;
  /** When the incarnation began, ms since 1970. */
  started: number;
  /** Takes what was counted in epochs before the given one. */
  take(before: number): Counted;
  /** Where entries are counted. */
  entries: EntryTally;
  failed(error: Error): void;
}

export interface Counted {
  sent: SentRow[];
  received: ReceivedRow[];
  entries: EntriesRow[];
  unmarked: { from: string; count: number }[];
}

export interface ReportOrder {
  /** Epochs before this one are reported. */
  before: number;
  asked?: number;
  final?: true;
}

/** Rows of one entry: about 25 KiB. */
const ROWS = 150;
/** Reports that wait for the recorder. The oldest of more are given up, and show as missing by their number. */
const MAX_WAITING = 60;
/** Nodes of which lost calls are told. */
const MAX_LOST = 100;
const MAX_INTERRUPTIONS = 100;

/** Writes what was counted into entries: one after each epoch in which there was anything, and when it is asked for. */
export class Reporting {
  readonly #options: ReportingOptions;
  #waiting: SignedReport[] = [];
  #flushing: Promise<void> | undefined;
  #number = 0;
  /** While a report of our own is recorded: entries of the accounting are not counted. */
  #own = false;
  #lost = new Map<string, number>();
  #interrupted: { from: number; until: number }[] = [];
  #busLostAt: number | undefined;

  constructor(options: ReportingOptions) {
    this.#options = options;
    const { recorder, entries } = options;
    recorder.on("recorded", (record) => (this.#own ? entries.skipped(record) : entries.recorded(record)));
    recorder.on("dropped", (record) => (this.#own ? entries.skipped(record) : entries.dropped(record)));
  }

  lost(to: string): void {
    if (this.#lost.has(to) || this.#lost.size < MAX_LOST) this.#lost.set(to, (this.#lost.get(to) ?? 0) + 1);
  }

  busLost(at: number): void {
    this.#busLostAt ??= at;
  }

  /** A bus that was not known to be lost may have been deaf before it was connected anew. */
  busBack(at: number): void {
    if (this.#interrupted.length < MAX_INTERRUPTIONS)
      this.#interrupted.push({ from: this.#busLostAt ?? at, until: at });
    this.#busLostAt = undefined;
  }

  /** Resolves when the report is on disk, if there is anything to report. */
  async report({ before, asked, final }: ReportOrder): Promise<void> {
    const counted = this.#options.take(before);
    const facts = this.#facts();
    const parts = split(counted);
    const isQuiet = parts.length === 0 && Object.keys(facts).length === 0;
    if (isQuiet && asked === undefined && (!final || this.#number === 0)) return this.#flush();
    if (parts.length === 0) parts.push({ sent: [], received: [], entries: [] });
    for (const [i, part] of parts.entries()) {
      const isLast = i === parts.length - 1;
      const waiting = this.#options.recorder.stats().waiting.memory;
      this.#waiting.push(
        this.#options.sign({
          ...this.#options.base(),
          started: this.#options.started,
          number: ++this.#number,
          ...part,
          ...(i === 0 ? facts : {}),
          ...(i === 0 && counted.unmarked.length > 0 ? { unmarked: counted.unmarked } : {}),
          ...(waiting > 0 ? { waiting } : {}),
          ...(isLast && asked !== undefined ? { asked } : {}),
          ...(isLast && final ? { final } : {}),
        }),
      );
    }
    this.#waiting.splice(0, Math.max(0, this.#waiting.length - MAX_WAITING));
    return this.#flush();
  }

  #facts(): Pick<NodeReport, "lost" | "interrupted"> {
    const lost = [...this.#lost].map(([to, calls]) => ({ to, calls }));
    const interrupted = this.#interrupted;
    if (this.#busLostAt !== undefined) interrupted.push({ from: this.#busLostAt, until: this.#options.base().at });
    this.#lost = new Map();
    this.#interrupted = [];
    return { ...(lost.length > 0 ? { lost } : {}), ...(interrupted.length > 0 ? { interrupted } : {}) };
  }

  /** What cannot be recorded now is tried again with the next report. Two entries of one number count as one. */
  #flush(): Promise<void> {
    this.#flushing ??= this.#recordAll().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  async #recordAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const [report] = this.#waiting as [SignedReport];
      try {
        await this.#record(report);
      } catch (error) {
        this.#options.failed(error as Error);
        return;
      }
      this.#waiting.splice(this.#waiting.indexOf(report), 1);
    }
  }

  #record(report: SignedReport): Promise<unknown> {
    this.#own = true;
    try {
      return this.#options.recorder.durable("accounting.node", { ...report });
    } finally {
      this.#own = false;
    }
  }
}

/** Entries have a largest size. */
function split({ sent, received, entries }: Counted): Pick<NodeReport, "sent" | "received" | "entries">[] {
  const rows = [
    ...sent.map((row) => ({ kind: "sent" as const, row })),
    ...received.map((row) => ({ kind: "received" as const, row })),
    ...entries.map((row) => ({ kind: "entries" as const, row })),
  ];
  const parts: Pick<NodeReport, "sent" | "received" | "entries">[] = [];
  for (let i = 0; i < rows.length; i += ROWS) {
    const part = rows.slice(i, i + ROWS);
    parts.push({
      sent: part.flatMap(({ kind, row }) => (kind === "sent" ? [row] : [])),
      received: part.flatMap(({ kind, row }) => (kind === "received" ? [row] : [])),
      entries: part.flatMap(({ kind, row }) => (kind === "entries" ? [row] : [])),
    });
  }
  return parts;
}
