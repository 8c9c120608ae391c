/** Sums over calls of one service, µs. */
export interface TimeSums {
  served: number;
  servedSum: number;
  queueSum: number;
  querySum: number;
  gcSum: number;
  waits: readonly { service: string; sum: number }[];
}

/** Where the mean call spends its time, ms a call. */
export interface TimeSpent {
  own: number;
  waiting: { service: string; time: number }[];
  queueing: number;
  database: number;
  gc: number;
  /**
   * How many times longer it waited than it ran, where children run beside each other: then `waiting` and `database` are
   * what is left of the time of a call, in proportion. 1 where they fit.
   */
  parallel: number;
}

/**
 * Own work is what is left when children, database and collections are taken off. Children that run at the same time have
 * more time together than the call that waits for them; nobody can tell from sums which of them was the one that it
 * waited for. Then they are cut down in proportion, and it is said how much.
 */
export function timeSpent({ served, servedSum, queueSum, querySum, gcSum, waits }: TimeSums): TimeSpent {
  const perCall = (sum: number) => (served === 0 ? 0 : sum / served / 1000);
  const gc = Math.min(gcSum, servedSum);
  const room = servedSum - gc;
  const children = waits.reduce((sum, wait) => sum + wait.sum, 0) + querySum;
  const parallel = children > room && children > 0 && served > 0 ? children / Math.max(1, room) : 1;
  return {
    own: perCall(Math.max(0, room - children / parallel)),
    waiting: waits
      .map(({ service, sum }) => ({ service, time: perCall(sum / parallel) }))
      .filter(({ time }) => time > 0)
      .sort((a, b) => b.time - a.time),
    queueing: perCall(queueSum),
    database: perCall(querySum / parallel),
    gc: perCall(gc),
    parallel,
  };
}
