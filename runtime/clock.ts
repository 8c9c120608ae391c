/** Time is injected: whatever waits, expires or measures windows takes a clock, so that a test can turn it by hand. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once after `ms`; the returned function cancels. */
  after(ms: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** For ages and deadlines: `now` counts ms from some moment, and is not moved when the machine's clock is set. */
export const monotonicClock: Clock = {
  now: () => performance.now(),
  after: systemClock.after,
};

/** Resolves after `ms` of the given clock. */
export function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve));
}

/**
 * What the work comes to. The work itself goes on after it was given up.
 * @throws what it throws, or an error with the words of `late` where it takes longer than `ms`
 */
export function within<T>(clock: Clock, ms: number, work: Promise<T>, late: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => reject(new Error(late)));
    work.then(resolve, reject).finally(cancel);
  });
}
