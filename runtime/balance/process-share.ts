import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { getPriority, setPriority } from "node:os";
import { join } from "node:path";

/** How a process's share of the processors can be turned. */
export interface ShareLever {
  name: string;
  /** Undefined where the system does not let this process turn it. */
  read(): number | undefined;
  /** @throws where it is not allowed */
  write(value: number): void;
  /** The value that stands for `percent` more or less than `base`. */
  valueOf(base: number, percent: number): number;
}

/** A step of niceness is worth a quarter of the share (Linux, sched(7): weights in the ratio 1.25). */
const NICE_STEP = Math.log(1.25);
const NICEST = { first: -20, last: 19 } as const;
const WEIGHT = { min: 1, max: 10_000 } as const;

/** The nice value for a share that is `percent` more: at least one step, so that it is felt. */
function niceOf(base: number, percent: number): number {
  if (percent === 0) return base;
  const exact = -Math.log(1 + percent / 100) / NICE_STEP;
  const steps = exact < 0 ? Math.min(-1, Math.round(exact)) : Math.max(1, Math.round(exact));
  return Math.min(NICEST.last, Math.max(NICEST.first, base + steps));
}

/** Between the threads of a session; of the processor's scheduler where sessions are not grouped. */
export const NICENESS: ShareLever = {
  name: "niceness",
  read: () => getPriority(0),
  write: (value) => setPriority(0, value),
  valueOf: niceOf,
};

/**
 * Linux groups processes by session (sched(7), autogroup), and every node has its own: then niceness alone changes nothing
 * between nodes, and the group's own value is what counts.
 */
export function autogroup(proc = "/proc"): ShareLever {
  const path = join(proc, "self/autogroup");
  return {
    name: "autogroup niceness",
    read() {
      if (readText(join(proc, "sys/kernel/sched_autogroup_enabled")) !== "1") return undefined;
      const nice = /nice (-?\d+)/.exec(readText(path) ?? "")?.[1];
      return nice === undefined ? undefined : Number(nice);
    },
    write: (value) => writeFileSync(path, `${value}`),
    valueOf: niceOf,
  };
}

/** The weight of the node's own cgroup (v2). One that others share is left alone: they would all get more. */
export function cgroupWeight(proc = "/proc", root = "/sys/fs/cgroup"): ShareLever {
  const folder = (): string | undefined => {
    const path = /^0::(.*)$/m.exec(readText(join(proc, "self/cgroup")) ?? "")?.[1];
    return path === undefined ? undefined : join(root, path);
  };
  return {
    name: "cpu.weight",
    read() {
      const own = folder();
      if (own === undefined || !existsSync(join(own, "cpu.weight"))) return undefined;
      const processes = (readText(join(own, "cgroup.procs")) ?? "").split("\n").filter(Boolean);
      if (processes.length !== 1 || Number(processes[0]) !== process.pid) return undefined;
      const weight = Number(readText(join(own, "cpu.weight")));
      return Number.isInteger(weight) ? weight : undefined;
    },
    write: (value) => writeFileSync(join(folder()!, "cpu.weight"), `${value}`),
    valueOf: (base, percent) => Math.min(WEIGHT.max, Math.max(WEIGHT.min, Math.round((base * (100 + percent)) / 100))),
  };
}

/** What was turned, and what could not be. */
export interface Turned {
  turned: string[];
  not: string[];
}

/**
 * The share of the processors that this process has against its neighbours. What somebody else has changed meanwhile (an
 * operator, the healer) is left as it is, and is what is changed from then on.
 */
export class ProcessShare {
  readonly #levers: readonly ShareLever[];
  /** Of each lever that was turned: what it was, and what it was set to. */
  readonly #set = new Map<ShareLever, { base: number; value: number }>();

  constructor(levers: readonly ShareLever[] = [NICENESS, autogroup(), cgroupWeight()]) {
    this.#levers = levers;
  }

  /** @param percent more (or less) than it had by itself; 0 gives back */
  set(percent: number): Turned {
    const seen: Turned = { turned: [], not: [] };
    for (const lever of this.#levers) {
      const now = lever.read();
      if (now === undefined) continue;
      const known = this.#set.get(lever);
      const base = known?.value === now ? known.base : now;
      const wanted = lever.valueOf(base, percent);
      if (percent === 0) this.#set.delete(lever);
      // Set by somebody else meanwhile: it is his.
      if (percent === 0 && known?.value !== now) continue;
      try {
        if (wanted !== now) lever.write(wanted);
        if (percent !== 0) {
          this.#set.set(lever, { base, value: wanted });
          seen.turned.push(`${lever.name} ${wanted}`);
        }
      } catch (error) {
        seen.not.push(`${lever.name} ${wanted}: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`);
      }
    }
    if (percent !== 0 && seen.turned.length === 0 && seen.not.length === 0)
      seen.not.push("this system has nothing to turn");
    return seen;
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
