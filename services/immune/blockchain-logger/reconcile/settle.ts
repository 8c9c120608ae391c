import type { Incarnations } from "./incarnations.ts";
import type { OpenEpoch, Settled } from "./open-accounts.ts";
import { type Finding, isoOf, noAmount, noTotals, type Verdict } from "./verdict.ts";

export interface SettleOptions {
  lives: Incarnations;
  /** Node that the chain is on. */
  chain: string;
  /** The reconciler's steady time, ms. */
  now: number;
  /** Rows and findings of one verdict. */
  most: { rows: number; findings: number };
}

/**
 * What of an epoch can be settled now.
 * @returns a verdict whose place in the log is still to be filled in, and whether something stays open
 */
export function settle(
  { epoch, pairs, books, loose }: OpenEpoch,
  { lives, chain, now, most }: SettleOptions,
): { settled: Settled; isOpen: boolean } {
  const verdict = emptyVerdict(epoch);
  const settled: Settled = { verdict, pairs: [], books: [], loose: loose.slice(0, most.findings) };
  const withdrawn: Finding[] = [];
  let isOpen = false;
  for (const { finding, isWithdrawn } of settled.loose) (isWithdrawn ? withdrawn : verdict.findings).push(finding);
  const isFull = () =>
    verdict.pairs.length + verdict.books.length >= most.rows ||
    verdict.findings.length + withdrawn.length >= most.findings;
  for (const pair of pairs) {
    if (isFull()) break;
    const judgement = pair.judge(lives);
    if ("waitsFor" in judgement) {
      isOpen = true;
      continue;
    }
    const { outcome } = judgement;
    const { recorded } = pair;
    const [calls, events] = [outcome.calls - (recorded?.calls ?? 0), outcome.events - (recorded?.events ?? 0)];
    verdict.matched.calls += calls;
    verdict.matched.events += events;
    verdict.findings.push(...outcome.findings);
    withdrawn.push(...(recorded?.findings ?? []));
    verdict.pairs.push([pair.from, pair.mark, pair.to, calls, events, pair.firstIndex]);
    pair.pending = outcome;
    settled.pairs.push(pair);
  }
  for (const book of books) {
    if (isFull()) break;
    const outcome = book.judge(lives.of(book.node, book.mark), chain, now);
    if (!outcome) {
      isOpen = true;
      continue;
    }
    const { recorded } = book;
    const entries = outcome.entries - (recorded?.entries ?? 0);
    verdict.matched.entries += entries;
    verdict.findings.push(...outcome.findings);
    withdrawn.push(...(recorded?.findings ?? []));
    verdict.books.push([book.node, book.mark, entries, book.firstIndex]);
    book.pending = outcome;
    settled.books.push(book);
  }
  if (withdrawn.length > 0) verdict.withdrawn = withdrawn;
  return { settled, isOpen };
}

/** Undoes `settle` where its verdict is not to be given. */
export function unsettle({ pairs, books }: Settled): void {
  for (const part of [...pairs, ...books]) part.pending = undefined;
}

function emptyVerdict(epoch: number): Verdict {
  return {
    number: 0,
    epoch,
    since: isoOf(epoch),
    matched: noAmount(),
    findings: [],
    pairs: [],
    books: [],
    through: -1,
    resume: 0,
    totals: noTotals(),
    first: "",
    nodes: [],
  };
}
