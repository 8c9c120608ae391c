import type { Lending, LendingState, Shedding, Throttling } from "../../../../models/lending.ts";
import type { Topology } from "../../../../models/topology.ts";
import type { Held } from "./held.ts";
import type { ActionPorts } from "./ports.ts";
import { targetOf } from "./targets.ts";

/** What is lent ends after this time without a word, ms; and how often the word is given. */
export const LEASE_MS = 15_000;
export const RENEW_MS = 5000;
/** Bounds of what all rules together give a node or take from it, %. */
export const SHARE = { min: -50, max: 100 } as const;

type Wanted = Omit<Lending, "epoch" | "lease">;

const NOTHING: Wanted = { share: 0, shed: [], throttle: [] };

/** Tells nodes what they are lent, again and again. Nobody needs to take it back from them when the engine is gone. */
export class Lender {
  readonly #ports: Pick<ActionPorts, "lend" | "flags">;
  readonly #epoch: () => number;
  /** Nodes that hold something, as far as is known. */
  readonly #told = new Set<string>();
  #hadFlags = false;

  constructor(ports: Pick<ActionPorts, "lend" | "flags">, epoch: () => number) {
    this.#ports = ports;
    this.#epoch = epoch;
  }

  /** Tells all nodes that are up what they are to have; those that had something, also that they have nothing. */
  async tell(held: readonly Held[], topology: Topology): Promise<Map<string, LendingState | Error>> {
    this.#tellFlags(held, topology);
    const up = topology.nodes.filter(({ status }) => status === "up").map(({ id }) => id);
    for (const node of this.#told) if (!up.includes(node)) this.#told.delete(node);
    const wanted = wantedOf(held, topology);
    const states = new Map<string, LendingState | Error>();
    await Promise.all(
      up.map(async (node) => {
        const lending = wanted.get(node);
        if (!lending && !this.#told.has(node)) return;
        if (lending) this.#told.add(node);
        try {
          states.set(
            node,
            await this.#ports.lend(node, { epoch: this.#epoch(), lease: LEASE_MS, ...(lending ?? NOTHING) }),
          );
          if (!lending) this.#told.delete(node);
        } catch (error) {
          states.set(node, error as Error);
        }
      }),
    );
    return states;
  }

  #tellFlags(held: readonly Held[], topology: Topology): void {
    const flags = held.flatMap((one) => {
      if (one.kind !== "flag") return [];
      if (one.target === "organism") return [one.value];
      const nodes = nodesOf(one.target, topology);
      return nodes.length > 0 ? [{ ...one.value, nodes }] : [];
    });
    if (flags.length > 0 || this.#hadFlags) this.#ports.flags({ lease: LEASE_MS, flags });
    this.#hadFlags = flags.length > 0;
  }
}

/** By node, what all that is held adds up to there. */
export function wantedOf(held: readonly Held[], topology: Topology): Map<string, Wanted> {
  const wanted = new Map<string, Wanted>();
  const of = (node: string): Wanted => {
    const known = wanted.get(node) ?? { share: 0, shed: [], throttle: [] };
    wanted.set(node, known);
    return known;
  };
  for (const one of held) {
    if (one.kind !== "share" && one.kind !== "shed" && one.kind !== "throttle") continue;
    const nodes = nodesOf(one.target, topology);
    const service = topology.services.find(({ name }) => name === one.target)?.name;
    const whom = service === undefined ? {} : { service };
    for (const node of nodes) {
      const its = of(node);
      if (one.kind === "share") its.share = Math.min(SHARE.max, Math.max(SHARE.min, its.share + one.value.percent));
      else if (one.kind === "shed") its.shed.push({ ...whom, ...one.value } satisfies Shedding);
      else its.throttle.push({ ...whom, rate: one.value.rate / nodes.length } satisfies Throttling);
    }
  }
  return wanted;
}

function nodesOf(target: string, topology: Topology): string[] {
  try {
    return targetOf(target, topology).nodes;
  } catch {
    // It is gone, or stopped; it may come again.
    return [];
  }
}
