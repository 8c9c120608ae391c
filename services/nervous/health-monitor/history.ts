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

/** The last answers of one thing. */
export class History {
  readonly #limit: number;
  readonly #entries: HistoryEntry[] = [];

  constructor(limit = 100) {
    this.#limit = limit;
  }

  add(entry: HistoryEntry): void {
    this.#entries.push(entry);
    if (this.#entries.length > this.#limit) this.#entries.shift();
  }

  /** Oldest first. */
  entries(): HistoryEntry[] {
    return [...this.#entries];
  }
}
