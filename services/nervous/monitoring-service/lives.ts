/** Reports that may overtake each other; what is further behind counts as having come already. */
const WINDOW = 64;
/** Lives of one node of which late reports may still come. */
const LIVES = 3;

/** Which reports of one life of a node have come. */
class Life {
  readonly instanceId: string;
  readonly #come = new Set<number>();
  newest = -1;

  constructor(instanceId: string) {
    this.instanceId = instanceId;
  }

  /** True the first time. */
  take(seq: number): boolean {
    if (seq <= this.newest - WINDOW || this.#come.has(seq)) return false;
    this.#come.add(seq);
    this.newest = Math.max(this.newest, seq);
    for (const one of this.#come) if (one <= this.newest - WINDOW) this.#come.delete(one);
    return true;
  }
}

export interface Arrival {
  /** None of this node is newer: what it says of now is so. */
  isNewest: boolean;
  /** The first of a new life: what the former one had in flight has ended with it. */
  isReborn: boolean;
}

/** Increments of one life of a node are counted once, in any order of arrival. */
export class Lives {
  /** Newest first. */
  readonly #lives = new Map<string, Life[]>();

  /** Nothing for a report that has come before, or so late that this can no longer be told. */
  arrival(report: { node: string; instanceId: string; seq: number }): Arrival | undefined {
    const { node, instanceId, seq } = report;
    const lives = this.#lives.get(node) ?? [];
    const known = lives.find((life) => life.instanceId === instanceId);
    const life = known ?? new Life(instanceId);
    if (!known) this.#lives.set(node, [life, ...lives].slice(0, LIVES));
    if (!life.take(seq)) return undefined;
    const isNewest = life === this.#lives.get(node)![0] && life.newest === seq;
    return { isNewest, isReborn: !known };
  }
}
