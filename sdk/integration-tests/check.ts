import type { World } from "./world.ts";

/** One thing that the organism's users rely on. */
export interface Check {
  name: string;
  /** What it finds out, in a few words. */
  about: string;
  /**
   * Says in one sentence what was seen.
   * @throws Skip where the organism has no such part; any other error where it does not do what it should
   */
  run(world: World): Promise<string>;
}

/** There is nothing to be checked; the message says why. */
export class Skip extends Error {}

/** @throws Error with what was seen instead */
export function expect(isSo: boolean, otherwise: string): asserts isSo {
  if (!isSo) throw new Error(otherwise);
}

/** Asks again until there is an answer, for `ms` at most. @throws Error saying what did not come */
export async function until<T>(
  world: { signal: AbortSignal; pause(ms: number): Promise<void> },
  what: string,
  ask: () => Promise<T | undefined>,
  ms = 10_000,
): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > end) throw new Error(`not within ${ms / 1000} s: ${what}`);
    await world.pause(50);
  }
}
