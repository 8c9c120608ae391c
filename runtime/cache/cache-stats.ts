import type { CacheReport } from "../../models/performance.ts";

/** What an action's cache did since the node began; times in ms. */
export class ActionStats {
  readonly action: string;
  near = 0;
  far = 0;
  stale = 0;
  negative = 0;
  misses = 0;
  joined = 0;
  failures = 0;
  evicted = 0;
  fenced = 0;
  entries = 0;
  bytes = 0;
  ageSum = 0;
  savedSum = 0;
  /** Answers that were not kept: too large for the budget, or of a kind that cannot be copied or shared. */
  unfit = 0;
  /** Answers that were loaded anew before they or their time were needed. */
  refreshed = 0;
  #last: CacheReport | undefined;

  constructor(action: string) {
    this.action = action;
  }

  get total(): CacheReport {
    return {
      action: this.action,
      hits: { near: this.near, far: this.far },
      stale: this.stale,
      negative: this.negative,
      misses: this.misses,
      joined: this.joined,
      failures: this.failures,
      evicted: this.evicted,
      fenced: this.fenced,
      entries: this.entries,
      bytes: this.bytes,
      ageSum: Math.round(this.ageSum * 1000),
      savedSum: Math.round(this.savedSum * 1000),
    };
  }

  /** What has come since the last time that it was taken; null where that is nothing, and nothing is kept. */
  take(): CacheReport | null {
    const { total } = this;
    const last = this.#last;
    this.#last = total;
    const since = last ? difference(total, last) : total;
    const { hits, misses, joined, failures, evicted, fenced, entries } = since;
    return hits.near + hits.far + misses + joined + failures + evicted + fenced + entries > 0 ? since : null;
  }
}

function difference(now: CacheReport, before: CacheReport): CacheReport {
  return {
    action: now.action,
    hits: { near: now.hits.near - before.hits.near, far: now.hits.far - before.hits.far },
    stale: now.stale - before.stale,
    negative: now.negative - before.negative,
    misses: now.misses - before.misses,
    joined: now.joined - before.joined,
    failures: now.failures - before.failures,
    evicted: now.evicted - before.evicted,
    fenced: now.fenced - before.fenced,
    entries: now.entries,
    bytes: now.bytes,
    ageSum: now.ageSum - before.ageSum,
    savedSum: now.savedSum - before.savedSum,
  };
}
