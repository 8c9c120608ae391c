/** Lines of one time; of more it is said how many there are. */
const MOST = 20;

/** What is newly wrong, as lines for the log: each is told once, for as long as it lasts. */
export class NewLines {
  readonly #of: string;
  #told = new Set<string>();

  /** @param of what they tell, as `faults of rules` */
  constructor(of: string) {
    this.#of = of;
  }

  /** @param lines all that is wrong now */
  among(lines: readonly string[]): string[] {
    const now = new Set(lines);
    const news = [...now].filter((line) => !this.#told.has(line));
    this.#told = now;
    const more = news.length - MOST;
    return more > 0 ? [...news.slice(0, MOST), `${more} more ${this.#of}`] : news;
  }
}
