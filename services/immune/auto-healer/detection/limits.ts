/** When something counts as a failure. All times in ms. */
export interface Limits {
  slow: {
    /** Time over which calls are looked at. */
    window: number;
    /** Time over which a service's usual latency is taken. */
    baseline: number;
    /** Times the usual p95. */
    factor: number;
    /** Nobody calls less than this slow. */
    absolute: number;
    calls: number;
    /** Windows that must have been seen before anything is called unusual. */
    leastBaseline: number;
    /** A trend that meets the limit later than this is nobody's business yet. */
    horizon: number;
  };
  erroring: {
    short: number;
    shortCalls: number;
    shortShare: number;
    long: number;
    longCalls: number;
    longShare: number;
    /** Where callers spare the service after a few failures, few calls of an action have to do: every one of them failed. */
    rare: number;
    rareCalls: number;
    /** Time over which such failures have to be spread, or for which a breaker has been open. */
    lasting: number;
  };
  leaking: {
    /** One minimum is kept of each such time. */
    step: number;
    /** Least time over which growth is looked at. */
    span: number;
    /** Time of which minima are kept. */
    kept: number;
    growth: number;
    /** Share of the steps that go up. */
    monotone: number;
    /** Growth that breaks later than this may be what a busy process needs, and is nobody's business yet. */
    horizon: number;
  };
  exhausted: { share: number; diskShare: number; diskSmall: number; diskBytes: number };
  flapping: { window: number; times: number };
  /** A node that has not reported for so long is not judged. */
  silence: number;
}

const MB = 2 ** 20;

/** @param scale AZORA_HEALING_TIME_SCALE. A window is never so short that a few reports would decide. */
export function limits(scale = 1): Limits {
  const time = (ms: number, least: number) => Math.max(least, ms * scale);
  return {
    slow: {
      window: time(30_000, 5000),
      baseline: time(600_000, 60_000),
      factor: 5,
      absolute: 250,
      calls: 20,
      leastBaseline: 3,
      horizon: time(600_000, 60_000),
    },
    erroring: {
      short: time(10_000, 3000),
      shortCalls: 10,
      shortShare: 0.5,
      long: time(30_000, 6000),
      longCalls: 50,
      longShare: 0.2,
      rare: time(60_000, 20_000),
      rareCalls: 5,
      lasting: time(5000, 2000),
    },
    leaking: {
      step: time(5000, 1000),
      span: time(120_000, 15_000),
      kept: time(600_000, 60_000),
      growth: 20 * MB,
      monotone: 0.8,
      horizon: 2 * 3_600_000,
    },
    exhausted: { share: 0.9, diskShare: 0.02, diskSmall: 2048 * MB, diskBytes: 64 * MB },
    flapping: { window: time(300_000, 10_000), times: 4 },
    silence: 3500,
  };
}
