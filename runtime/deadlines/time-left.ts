import type { Context } from "moleculer";

/** Until the time-out of a call, which Moleculer counts from `startHrTime`, ms; infinite where its caller waits for ever. */
export function timeLeft(ctx: Context): number {
  const { startHrTime, options } = ctx as unknown as {
    startHrTime?: [number, number] | null;
    options: { timeout?: number | null };
  };
  if (!startHrTime || !options.timeout || !(options.timeout > 0)) return Number.POSITIVE_INFINITY;
  const [seconds, nanoseconds] = process.hrtime(startHrTime);
  return options.timeout - seconds * 1000 - nanoseconds / 1e6;
}
