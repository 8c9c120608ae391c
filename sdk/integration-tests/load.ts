import { type Check, expect } from "./check.ts";
import { probes } from "./probes.ts";

const SECONDS = 1.5;
const CALLERS = 8;
const MOST_CALLS = 3000;
const LONGEST_P99_MS = 1000;

export const load: Check = {
  name: "load",
  about: `${CALLERS} callers for ${SECONDS} s: no call fails, and 99 of 100 take less than ${LONGEST_P99_MS / 1000} s`,
  async run(world) {
    await world.needsProbe();
    const times: number[] = [];
    const failed: string[] = [];
    const start = performance.now();
    const end = start + SECONDS * 1000;
    const caller = async () => {
      while (performance.now() < end && times.length + failed.length < MOST_CALLS && !world.signal.aborted) {
        const begun = performance.now();
        try {
          await world.probe(probes.echo(world.run));
          times.push(performance.now() - begun);
        } catch (error) {
          failed.push((error as Error).message);
        }
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));
    world.signal.throwIfAborted();
    const seconds = (performance.now() - start) / 1000;
    expect(failed.length === 0, `${failed.length} of ${times.length + failed.length} calls failed: ${failed[0]}`);
    times.sort((one, other) => one - other);
    const at = (share: number) => times[Math.max(0, Math.ceil(times.length * share) - 1)] ?? 0;
    expect(at(0.99) <= LONGEST_P99_MS, `99 of 100 calls took up to ${Math.round(at(0.99))} ms`);
    const shown = (ms: number) => `${ms.toFixed(1)} ms`;
    return `${times.length} calls, ${Math.round(times.length / seconds)} a second; p50 ${shown(at(0.5))}, p99 ${shown(at(0.99))}`;
  },
};
