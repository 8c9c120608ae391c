/** Over which restarts are counted, ms. */
const OVER_MS = 600_000;
/** What is restarted within so long has one cause, as the services of a node that died with it, ms. */
const TOGETHER_MS = 10_000;
/** Of one thing in one event, however many are told. */
const MOST = 10_000;
/** Names in one event. */
const MOST_NAMES = 1000;

/** Restarts of one system, or one service. What restarts together counts once; what restarts again and again, each time. */
export class RestartEvents {
  /** Oldest first; at most one each ten seconds. */
  readonly #events: { at: number; times: Map<string, number>; most: number }[] = [];

  /** @param what instance or node @param now monotonic, ms */
  add(what: string, now: number, times: number): void {
    let event = this.#events.at(-1);
    if (!event || now - event.at >= TOGETHER_MS) {
      event = { at: now, times: new Map(), most: 0 };
      this.#events.push(event);
      this.#forget(now);
    }
    if (event.times.size >= MOST_NAMES && !event.times.has(what)) return;
    const all = Math.min(MOST, (event.times.get(what) ?? 0) + times);
    event.times.set(what, all);
    event.most = Math.max(event.most, all);
  }

  /** In the last ten minutes. */
  count(now: number): number {
    this.#forget(now);
    return this.#events.reduce((sum, { most }) => sum + most, 0);
  }

  #forget(now: number): void {
    while (this.#events.length > 0 && now - this.#events[0]!.at >= OVER_MS) this.#events.shift();
  }
}
