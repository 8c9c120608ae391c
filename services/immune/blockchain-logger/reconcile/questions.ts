import type { Incarnation } from "./incarnation.ts";
import type { Incarnations } from "./incarnations.ts";
import type { OpenAccounts } from "./open-accounts.ts";

/** What both sides do not agree on yet. */
export interface Open {
  from: string;
  to: string;
  epoch: number;
  /** Nodes that have not told everything; none where the log is still to come. */
  waitsFor: string[];
}

/** What both sides differ in is asked after when nothing has come for so long, ms. */
const ASK_AFTER_MS = 15_000;
const ASK_EVERY_MS = 10_000;

/** Finds what is open, and asks those who may know more. */
export class Questions {
  readonly #node: string;
  readonly #lives: Incarnations;
  readonly #open: OpenAccounts;
  readonly #asked = new Map<string, number>();

  /** @param node that the chain is on */
  constructor(node: string, lives: Incarnations, open: OpenAccounts) {
    this.#node = node;
    this.#lives = lives;
    this.#open = open;
  }

  /** Nodes that may know more than they have told, and were not asked just now. */
  due(now: number): string[] {
    const due = [...this.#toAsk(now)].filter((node) => now - (this.#asked.get(node) ?? -ASK_EVERY_MS) >= ASK_EVERY_MS);
    for (const node of due) this.#asked.set(node, now);
    return due;
  }

  /** What was told just now is about to be told by the other side. */
  open(now: number): Open[] {
    const open: Open[] = [];
    const isFresh = ({ changedAt }: { changedAt: number }) => now - changedAt < ASK_AFTER_MS;
    for (const pair of this.#open.pairs) {
      if (pair.recorded || pair.isEqual || isFresh(pair)) continue;
      const judgement = pair.judge(this.#lives);
      const waitsFor = "waitsFor" in judgement ? judgement.waitsFor.map(({ node }) => node) : [];
      open.push({ from: pair.from, to: pair.to, epoch: pair.epoch, waitsFor: [...new Set(waitsFor)] });
    }
    for (const book of this.#open.books)
      if (!book.recorded && !book.isEqual && !isFresh(book))
        open.push({ from: book.node, to: this.#node, epoch: book.epoch, waitsFor: [book.node] });
    return open;
  }

  #toAsk(now: number): Set<string> {
    const nodes = new Set<string>();
    const isQuiet = ({ changedAt }: { changedAt: number }) => now - changedAt >= ASK_AFTER_MS;
    const add = ({ node, end }: Incarnation) => {
      if (!end || end.how === "down") nodes.add(node);
    };
    for (const pair of this.#open.pairs) {
      if (pair.recorded || pair.isEqual || !isQuiet(pair)) continue;
      const judgement = pair.judge(this.#lives);
      if ("waitsFor" in judgement) for (const { node, mark } of judgement.waitsFor) add(this.#lives.of(node, mark));
    }
    for (const book of this.#open.books) {
      if (book.recorded || book.isEqual || !isQuiet(book)) continue;
      const life = this.#lives.of(book.node, book.mark);
      if (!this.#lives.hasToldOf(book.node, book.mark, book.lastIndex) || life.waiting > 0) add(life);
    }
    return nodes;
  }
}
