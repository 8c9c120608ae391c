/**
 * What worker threads are worth: a light action beside a CPU-heavy one, with the heavy one on the event loop and in a
 * thread; and how many calls of the same function a second, beside Piscina and bare threads. Piscina is no dependency:
 * `PISCINA=<path of its main file>` brings it in.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { goal, medians, type Result } from "./report.ts";

const SIDE = join(import.meta.dirname, "workers-side.ts");
const BESIDE = ["nothing beside", "on the event loop", "azora's worker threads"];

export async function workers(rounds = 5): Promise<Result[]> {
  return [lightBeside(rounds), throughput(rounds)];
}

function lightBeside(rounds: number): Result {
  const runs: Record<string, number[]> = {};
  const notes: string[] = [];
  const loops: Record<string, number[]> = {};
  const heavy: Record<string, number[]> = {};
  for (let i = 0; i < rounds; i++)
    for (const side of BESIDE) {
      const { p99, loopP99, heavy: count } = measure("beside", side);
      push(runs, side, p99!);
      push(loops, side, loopP99!);
      push(heavy, side, count!);
    }
  const middle = medians(runs);
  const [loop, done] = [medians(loops), medians(heavy)];
  for (const side of BESIDE.slice(1))
    notes.push(`${side}: event-loop delay p99 ${loop[side]} ms, ${done[side]} heavy calls`);
  const [bare, blocked, threads] = BESIDE.map((side) => middle[side]!) as [number, number, number];
  return {
    name: "workers-beside",
    measures: "p99 of a light call every 2 ms, beside a CPU-heavy action of some 50 ms one after the other",
    unit: "ms",
    runs,
    medians: middle,
    goals: [
      goal(
        "at most a fifth of what it is with the heavy action on the event loop",
        threads / blocked,
        threads / blocked <= 0.2,
      ),
      goal(
        "heavy calls done meanwhile, against the event loop's",
        ratio(done, BESIDE[2]!, BESIDE[1]!),
        ratio(done, BESIDE[2]!, BESIDE[1]!) >= 0.7,
      ),
    ],
    notes: [...notes, `with nothing beside: ${bare} ms`],
  };
}

/** Processor time and not calls a second: with as many threads as processors it says the same, and other programs do not disturb it. */
function throughput(rounds: number): Result {
  const sides = ["azora's worker threads", "bare worker_threads", ...(process.env["PISCINA"] ? ["piscina"] : [])];
  const runs: Record<string, number[]> = {};
  const rates: Record<string, number[]> = {};
  for (let i = 0; i < rounds; i++)
    for (const side of sides) {
      const { cpu, perSecond } = measure("throughput", side);
      push(runs, side, cpu!);
      push(rates, side, perSecond!);
    }
  const middle = medians(runs);
  const best = sides.at(-1)!;
  const share = ratio(middle, sides[0]!, best);
  return {
    name: "workers-throughput",
    measures: "processor time of a call of a function of some 1 ms in two threads, 4 at once",
    unit: "µs",
    runs,
    medians: middle,
    goals: [goal(`at most 5 % more than ${best}`, share, share <= 1.05)],
    notes: Object.entries(medians(rates)).map(([side, rate]) => `${side}: ${rate} calls/s`),
  };
}

function measure(what: string, side: string): Record<string, number> {
  const args = ["--disable-warning=ExperimentalWarning", SIDE, what, side, process.env["PISCINA"] ?? ""];
  return JSON.parse(execFileSync(process.execPath, args).toString());
}

function push(runs: Record<string, number[]>, side: string, value: number): void {
  runs[side] ??= [];
  runs[side].push(value);
}

function ratio(of: Record<string, number>, one: string, other: string): number {
  return of[one]! / of[other]!;
}
