import type { PerformanceReport } from "../../../../models/performance.ts";
import type { Knob, Proposal, Undoing } from "../tuning/knob.ts";

/** Calls an action of a node. */
export type CallNode = (node: string, action: string, params: Record<string, unknown>) => Promise<unknown>;

const KIND = "garbage-collection";
/** Reports that are looked at, about one a second. */
const SEEN = 60;
/** A collection that is shorter keeps nobody waiting to speak of, µs. */
const LONG_PAUSE = 20_000;
/** Share of time that the collector must take. */
const WORTH = 0.01;
/** A node that computes for more of its time has no idle moments to collect in. */
const MOST_BUSY = 0.6;
/** A node that it did not help, or did already, is left alone for so long, ms. */
const REST = 6 * 3_600_000;

interface Seen {
  instance: string;
  reports: {
    at: number;
    span: number;
    collected: number;
    longest: number;
    busy: number;
    /** Service of each action that was carried out. */
    actions: Map<string, string>;
  }[];
}

/**
 * Collecting garbage while a node is idle, so that fewer pauses fall into calls. V8 knows better as a rule: so it is
 * tried only where pauses are long and the node is idle in between, and kept only where latencies are seen to fall.
 */
export class GarbageKnob implements Knob {
  readonly kind = KIND;
  readonly #call: CallNode;
  readonly #now: () => number;
  readonly #nodes = new Map<string, Seen>();
  readonly #tried = new Map<string, number>();

  /** @param now ms */
  constructor(call: CallNode, now: () => number) {
    this.#call = call;
    this.#now = now;
  }

  observe({ node, instanceId, span, gc, cpu, served }: PerformanceReport): void {
    const at = this.#now();
    let seen = this.#nodes.get(node);
    if (seen?.instance !== instanceId) {
      seen = { instance: instanceId, reports: [] };
      this.#tried.delete(node);
    }
    this.#nodes.set(node, seen);
    const actions = new Map(served.filter(({ calls }) => calls > 0).map(({ action, service }) => [action, service]));
    const busy = (cpu.user + cpu.system) / 1000 / Math.max(1, span);
    seen.reports.push({ at, span, collected: gc.sum / 1000, longest: gc.longest, busy, actions });
    seen.reports = seen.reports.slice(-SEEN);
    for (const [other, { reports }] of this.#nodes) {
      if (at - reports.at(-1)!.at <= 2 * SEEN * 1000) continue;
      this.#nodes.delete(other);
      this.#tried.delete(other);
    }
  }

  async propose(service: string): Promise<Proposal[]> {
    return [...this.#nodes].flatMap(([node, { reports }]) => this.#proposal(service, node, reports) ?? []);
  }

  revive(_service: string, node: string | undefined, _undoing: Undoing): Pick<Proposal, "apply" | "undo"> {
    const turn = async (on: boolean) => {
      if (node !== undefined) await this.#call(node, "node-performance.collectWhenIdle", { on });
    };
    return { apply: () => turn(true), undo: () => turn(false) };
  }

  #proposal(service: string, node: string, reports: Seen["reports"]): Proposal | undefined {
    const rested = this.#now() - (this.#tried.get(node) ?? Number.NEGATIVE_INFINITY) >= REST;
    if (reports.length < SEEN / 2 || !rested) return undefined;
    const served = new Map(reports.flatMap((report) => [...report.actions]));
    const own = [...served].flatMap(([action, of]) => (of === service ? [action] : []));
    const sum = (of: (report: Seen["reports"][number]) => number) => reports.reduce((all, one) => all + of(one), 0);
    const share = sum(({ collected }) => collected) / sum(({ span }) => span);
    const busy = sum(({ busy }) => busy) / reports.length;
    const longest = Math.max(...reports.map((report) => report.longest));
    if (own.length === 0 || share < WORTH || longest < LONG_PAUSE || busy > MOST_BUSY) return undefined;
    const percent = Math.round(share * 1000) / 10;
    const { apply, undo } = this.revive(service, node, {});
    return {
      change: `collect garbage on ${node} while it is idle`,
      reason: `collections take ${percent} % of its time and up to ${Math.round(longest / 1000)} ms at once, and it is idle ${Math.round((1 - busy) * 100)} % of the time`,
      node,
      actions: own,
      expectedGain: Math.min(0.5, share),
      undoing: { on: false },
      fleeting: true,
      apply: async () => {
        this.#tried.set(node, this.#now());
        await apply();
      },
      undo,
    };
  }
}
