import { ORGANISM, type RuleSystem } from "../../../../models/metrics.ts";
import type { Topology } from "../../../../models/topology.ts";
import { nextStep } from "./give-back.ts";
import { type Held, isDurable } from "./held.ts";
import type { Entry, HeldTable } from "./held-table.ts";
import { targetOf } from "./targets.ts";

export interface GivingBackOptions {
  /** Monotonic, ms. */
  now(): number;
  /** Value of a metric, as `brain.cpu`; null where it is not known. */
  value(metric: string): number | null;
  /** Gives nodes or memory back, which nobody is lent. @throws where that cannot be done now */
  giveBack(held: Held, to: Held["value"] | "release"): Promise<void>;
  /** Acts on a system wait for each other, and for what is given back of it. */
  inTurn(system: string, work: () => Promise<void>): Promise<void>;
  /** What is durable was changed. Never rejects. */
  changed(): Promise<void>;
  onTrouble(what: string): void;
}

/** So long what the last engine held is kept where it is not known yet which rules are active, ms. */
const UNDECIDED_MS = 60_000;
const RETRY_MS = 30_000;

/** Gives back what rules hold that are not active any more, step by step, as the need lets it. */
export class GivingBack {
  readonly #table: HeldTable;
  readonly #options: GivingBackOptions;

  constructor(table: HeldTable, options: GivingBackOptions) {
    this.#table = table;
    this.#options = options;
  }

  /** Says whether nodes are to be told that they are lent something else. */
  tick(now: number, topology: Topology | undefined): boolean {
    let changed = false;
    for (const entry of this.#table.entries()) {
      const { held } = entry;
      if (held.until !== undefined && now >= held.until && !entry.busy) {
        if (isDurable(held)) held.ended ??= now;
        else {
          this.#table.remove(held.target, held.lever);
          changed = true;
          continue;
        }
      }
      entry.need?.add(now, needOf(held, topology, this.#options.value));
      if (entry.busy || now < entry.notBefore || this.#isUndecided(entry, now)) continue;
      const need = entry.need?.highest(now) ?? Number.POSITIVE_INFINITY;
      const step = nextStep(held, { need, rest: entry.rest, now });
      if (step === undefined) continue;
      if (isDurable(held)) void this.#stepDown(entry, step, topology);
      else {
        this.#apply(entry, step);
        changed = true;
      }
    }
    return changed;
  }

  #isUndecided({ held, restored }: Entry, now: number): boolean {
    return restored && !this.#table.isDecided && now - (held.ended ?? now) < UNDECIDED_MS;
  }

  async #stepDown(entry: Entry, step: Held["value"] | "release", topology: Topology | undefined): Promise<void> {
    const { held } = entry;
    const { now, inTurn, giveBack, changed, onTrouble } = this.#options;
    entry.busy = true;
    try {
      await inTurn(systemOf(held.target, topology) ?? ORGANISM, async () => {
        // An act may have had its turn before, and wants it.
        if (this.#table.find(held.target, held.lever) !== held || held.ended === undefined) return;
        await giveBack(held, step);
        this.#apply(entry, step);
        await changed();
      });
    } catch (error) {
      entry.notBefore = now() + RETRY_MS;
      onTrouble(`${held.lever} of ${held.target} cannot be given back yet: ${(error as Error).message}`);
    } finally {
      entry.busy = false;
    }
  }

  #apply(entry: Entry, step: Held["value"] | "release"): void {
    if (step === "release") this.#table.drop(entry.held.target, entry.held.lever);
    else this.#table.change(entry, step);
  }
}

/** How much of it is needed now, %; null where nobody knows. */
function needOf(held: Held, topology: Topology | undefined, value: (metric: string) => number | null): number | null {
  if (!topology) return null;
  const system = systemOf(held.target, topology);
  // What is no part of the organism any more needs nothing.
  if (!system) return 0;
  if (held.kind === "memory") return value(`${system}.memoryUsage`);
  const [cpu, saturation] = [value(`${system}.cpu`), value(`${system}.saturation`)];
  if (cpu === null) return null;
  return (value(`${system}.queueDepth`) ?? 0) >= 1 ? 100 : Math.max(cpu, saturation ?? 0);
}

function systemOf(target: string, topology: Topology | undefined): RuleSystem | undefined {
  try {
    return topology && targetOf(target, topology).system;
  } catch {
    return undefined;
  }
}
