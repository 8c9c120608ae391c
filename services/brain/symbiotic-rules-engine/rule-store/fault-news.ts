import type { RuleFault } from "../../../../models/rules.ts";
import { NewLines } from "../new-lines.ts";

/** What is newly wrong with rules or alerts, as lines for the log. */
export class FaultNews {
  readonly #news: NewLines;

  /** @param of as it is called in the log */
  constructor(of = "rules") {
    this.#news = new NewLines(`faults of ${of}`);
  }

  lines(faults: readonly (RuleFault & { file?: string })[]): string[] {
    return this.#news.among(faults.map(lineOf));
  }
}

function lineOf({ file, rule, detail }: RuleFault & { file?: string }): string {
  const where = [file, rule].filter((part) => part !== undefined && part !== "");
  return where.length === 0 ? detail : `${where.join(", ")}: ${detail}`;
}
