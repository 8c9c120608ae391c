export interface HistoryEntry {
  /** ISO 8601 */
  at: string;
  status: string;
  /** ms */
  responseTime: number;
  /** s */
  uptime: number;
  checks: Record<string, unknown>;
}

/** The last answers of one thing, and how often it was well. */
export class History {
  readonly #limit: number;
  readonly #entries: HistoryEntry[] = [];
  #asked = 0;
  #well = 0;

  constructor(limit = 100) {
    this.#limit = limit;
  }

  add(entry: HistoryEntry): void {
    this.#entries.push(entry);
    if (this.#entries.length > this.#limit) this.#entries.shift();
    this.#asked++;
    if (entry.status !== "unhealthy") this.#well++;
  }

  /** Oldest first. */
  entries(): HistoryEntry[] {
    return [...this.#entries];
  }

  /** Share of all answers so far that were not unhealthy, %. */
  uptimePercentage(): number {
    return this.#asked === 0 ? 100 : Math.round((this.#well / this.#asked) * 10_000) / 100;
  }
}
