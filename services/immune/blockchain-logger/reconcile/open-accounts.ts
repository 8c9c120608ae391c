import { markOf } from "../../../../runtime/accounting/packet-id.ts";
import { Book } from "./book.ts";
import { Pair } from "./pair.ts";
import type { Source } from "./source.ts";
import { type Finding, keyOf, type Verdict } from "./verdict.ts";

/** A finding that belongs to no pair and no book, or such a one that no longer holds. */
export interface Loose {
  finding: Finding;
  isWithdrawn: boolean;
}

/** What is open of one epoch, or has changed since it was settled. */
export interface OpenEpoch {
  epoch: number;
  /** When its first row came. */
  since: number;
  pairs: Pair[];
  books: Book[];
  loose: Loose[];
}

/** What a verdict settles. */
export interface Settled {
  verdict: Verdict;
  pairs: Pair[];
  books: Book[];
  loose: Loose[];
}

/** Pairs, and books, that may be open at once. */
const MOST_OPEN = 50_000;
/** For so long a finding may be withdrawn, ms. What is told later is declared, and changes nothing. */
const AMENDABLE_MS = 3_600_000;
/** What has been open for so long is given up, ms. */
const GIVEN_UP_MS = 86_400_000;

/** What is not settled yet. Times are of the reconciler's own steady time, ms. */
export class OpenAccounts {
  readonly #chain: string;
  /** By `<epoch> <from> <mark> <to>`, and by `<epoch> <node> <mark>`. */
  readonly #pairs = new Map<string, Pair>();
  readonly #books = new Map<string, Book>();
  readonly #since = new Map<number, number>();
  #loose: Loose[] = [];
  /** Keys of loose findings: each is told once. */
  readonly #told = new Set<string>();
  /** Pairs and books with findings that are final. */
  readonly #closed = new Set<string>();
  /** Up to this epoch, not all was read. */
  partialEpoch = -1;

  /** @param chain node that the chain is on */
  constructor(chain: string) {
    this.#chain = chain;
  }

  get pairs(): Iterable<Pair> {
    return this.#pairs.values();
  }

  get books(): Iterable<Book> {
    return this.#books.values();
  }

  /** Undefined where too much is open. */
  pair(from: string, mark: string, epoch: number, to: string, now: number): Pair | undefined {
    const key = pairKey(from, mark, epoch, to);
    const known = this.#pairs.get(key);
    if (known) return known;
    if (this.#pairs.size >= MOST_OPEN) {
      this.#giveUp(from, mark, to, epoch);
      return undefined;
    }
    const pair = new Pair(from, mark, epoch, to);
    pair.isPartial = epoch <= this.partialEpoch || this.#closed.has(key);
    this.#pairs.set(key, pair);
    this.#begin(epoch, now);
    return pair;
  }

  book({ node, instance, epoch }: Omit<Source, "seq">, now: number): Book | undefined {
    const mark = markOf(instance);
    const key = bookKey(node, mark, epoch);
    const known = this.#books.get(key);
    if (known) return known;
    if (this.#books.size >= MOST_OPEN) {
      this.#giveUp(node, mark, this.#chain, epoch);
      return undefined;
    }
    const book = new Book(node, instance, mark, epoch);
    book.isPartial = epoch <= this.partialEpoch || this.#closed.has(key);
    this.#books.set(key, book);
    this.#begin(epoch, now);
    return book;
  }

  tell(finding: Finding): void {
    const key = keyOf(finding);
    if (this.#told.has(key)) return;
    if (this.#told.size >= MOST_OPEN) this.#told.clear();
    this.#told.add(key);
    this.#loose.push({ finding, isWithdrawn: false });
  }

  withdraw(finding: Finding): void {
    this.#told.delete(keyOf(finding));
    this.#loose.push({ finding, isWithdrawn: true });
  }

  /** Oldest epoch first. */
  epochs(): OpenEpoch[] {
    const epochs = new Map<number, OpenEpoch>();
    const of = (epoch: number): OpenEpoch => {
      let open = epochs.get(epoch);
      if (!open) {
        const since = this.#since.get(epoch) ?? Number.NEGATIVE_INFINITY;
        open = { epoch, since, pairs: [], books: [], loose: [] };
        epochs.set(epoch, open);
      }
      return open;
    };
    for (const pair of this.#pairs.values()) if (isNews(pair)) of(pair.epoch).pairs.push(pair);
    for (const book of this.#books.values()) if (isNews(book)) of(book.epoch).books.push(book);
    for (const loose of this.#loose) of(loose.finding.epoch).loose.push(loose);
    return [...epochs.values()].sort((one, other) => one.epoch - other.epoch);
  }

  /** Sets apart what both sides agree on: what comes from now on is new. */
  setApart({ pairs, books, loose }: Settled): void {
    for (const pair of pairs) if (pair.pending!.findings.length === 0) this.#pairs.delete(keyOfPair(pair));
    for (const book of books) if (book.pending!.findings.length === 0) this.#books.delete(keyOfBook(book));
    this.#loose = this.#loose.filter((one) => !loose.includes(one));
  }

  /** The verdict is in the log. */
  close({ pairs, books }: Settled, now: number): void {
    for (const pair of pairs) {
      const { pending } = pair;
      if (pending!.findings.length > 0) pair.recorded = { ...pending!, at: now };
      pair.pending = undefined;
    }
    for (const book of books) {
      const { pending } = book;
      if (pending!.findings.length > 0) book.recorded = { ...pending!, at: now };
      book.pending = undefined;
    }
  }

  /** The verdict could not be logged. */
  takeBack({ pairs, books, loose }: Settled, now: number): void {
    this.#loose.push(...loose);
    for (const pair of pairs) {
      const since = this.#pairs.get(keyOfPair(pair));
      if (since !== pair) {
        if (since) pair.join(since);
        this.#pairs.set(keyOfPair(pair), pair);
        this.#begin(pair.epoch, now);
      }
      pair.pending = undefined;
    }
    for (const book of books) {
      const since = this.#books.get(keyOfBook(book));
      if (since !== book) {
        if (since) book.join(since);
        this.#books.set(keyOfBook(book), book);
        this.#begin(book.epoch, now);
      }
      book.pending = undefined;
    }
  }

  /** Takes over a verdict of the reconciler before this one. @param from index from which on the log was read */
  replay(verdict: Verdict, from: number, now: number): void {
    const { epoch, through, findings: all } = verdict;
    for (const [node, mark, to, calls, events, first] of verdict.pairs) {
      const key = pairKey(node, mark, epoch, to);
      const pair = this.#pairs.get(key);
      if (!pair) continue;
      const findings = all.filter((one) => one.from === node && one.mark === mark && one.to === to && !one.entries);
      const { recorded } = pair;
      if (findings.length > 0 && first >= from)
        pair.recorded = {
          calls: calls + (recorded?.calls ?? 0),
          events: events + (recorded?.events ?? 0),
          findings,
          at: now,
        };
      else if (pair.forget(through)) this.#pairs.delete(key);
    }
    for (const [node, mark, entries, first] of verdict.books) {
      const key = bookKey(node, mark, epoch);
      const book = this.#books.get(key);
      if (!book) continue;
      const findings = all.filter((one) => one.from === node && one.mark === mark && one.entries);
      if (findings.length > 0 && first >= from)
        book.recorded = { entries: entries + (book.recorded?.entries ?? 0), findings, at: now };
      else if (book.lastIndex > through) book.isPartial = true;
      else this.#books.delete(key);
    }
    const logged = new Set(all.map(keyOf));
    for (const key of logged) this.#told.add(key);
    this.#loose = this.#loose.filter(({ finding, isWithdrawn }) => isWithdrawn || !logged.has(keyOf(finding)));
  }

  /** The first entry that tells of anything that is open. */
  firstIndex(end: number): number {
    let first = end;
    for (const pair of this.#pairs.values()) first = Math.min(first, pair.firstIndex);
    for (const book of this.#books.values()) first = Math.min(first, book.firstIndex);
    return first;
  }

  /** Forgets findings that are final, and gives up what has been open for too long. */
  tidy(now: number): void {
    const live = new Set<number>();
    for (const [key, pair] of this.#pairs) {
      if (!isOver(pair, now)) live.add(pair.epoch);
      else {
        this.#pairs.delete(key);
        this.#close(key);
        if (!pair.recorded) this.#giveUp(pair.from, pair.mark, pair.to, pair.epoch);
      }
    }
    for (const [key, book] of this.#books) {
      if (!isOver(book, now)) live.add(book.epoch);
      else {
        this.#books.delete(key);
        this.#close(key);
        if (!book.recorded) this.#giveUp(book.node, book.mark, this.#chain, book.epoch);
      }
    }
    for (const epoch of this.#since.keys()) if (!live.has(epoch)) this.#since.delete(epoch);
  }

  #giveUp(from: string, mark: string, to: string, epoch: number): void {
    const why = "one side has never told what it counted";
    this.tell({ kind: "declared", from, mark, to, epoch, reports: 1, why });
  }

  #close(key: string): void {
    this.#closed.add(key);
    if (this.#closed.size > MOST_OPEN) this.#closed.delete(this.#closed.values().next().value!);
  }

  #begin(epoch: number, now: number): void {
    if (!this.#since.has(epoch)) this.#since.set(epoch, now);
  }
}

/** Whether something has come since it was settled. */
function isNews({ recorded, changedAt }: Pair | Book): boolean {
  return !recorded || changedAt > recorded.at;
}

function isOver({ recorded, changedAt, pending }: Pair | Book, now: number): boolean {
  if (pending) return false;
  if (!recorded) return now - changedAt > GIVEN_UP_MS;
  return now - Math.max(recorded.at, changedAt) > AMENDABLE_MS;
}

function keyOfPair({ from, mark, epoch, to }: Pair): string {
  return pairKey(from, mark, epoch, to);
}

function keyOfBook({ node, mark, epoch }: Book): string {
  return bookKey(node, mark, epoch);
}

function pairKey(from: string, mark: string, epoch: number, to: string): string {
  return `${epoch} ${from} ${mark} ${to}`;
}

function bookKey(node: string, mark: string, epoch: number): string {
  return `${epoch} ${node} ${mark}`;
}
