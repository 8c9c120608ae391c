import type { RuleFault } from "../../../../models/rules.ts";

/** Lines of one time; of more it is said how many there are. */
const MOST = 20;

/** What is newly wrong with rules or alerts, as lines for the log: a fault is told once, for as long as it lasts. */
export class FaultNews {
  readonly #of: string;
  #told = new Set<string>();

  /** @param of as it is called in the log */
  constructor(of = "rules") {
    this.#of = of;
  }

  lines(faults: readonly (RuleFault & { file?: string })[]): string[] {
    const now = new Set(faults.map(lineOf));
    const news = [...now].filter((line) => !this.#told.has(line));
    this.#told = now;
    const more = news.length - MOST;
    return more > 0 ? [...news.slice(0, MOST), `${more} more faults of ${this.#of}`] : news;
  }
}

function lineOf({ file, rule, detail }: RuleFault & { file?: string }): string {
  const where = [file, rule].filter((part) => part !== undefined && part !== "");
  return where.length === 0 ? detail : `${where.join(", ")}: ${detail}`;
}
