import type { ActionFigures } from "../measurements/action-table.ts";
import type { NodeFigures } from "../measurements/node-loads.ts";
import type { Knob, Proposal, Undoing } from "../tuning/knob.ts";
import type { CallNode } from "./cache-budget.ts";

interface LimitState {
  action: string;
  limit: number | null;
  floor: number | null;
  ceiling: number | null;
}

/** Share of a call's time that it waits for its turn, from which on there is something to gain. */
const WAITS = 0.2;
/** A node that computes for less of its time has room for more calls at once. */
const ROOM = 0.6;
const LEAST_CALLS = 60;
const LARGEST = 10_000;
const STEP = 2;

/**
 * Lets more calls of an action run at once where they wait for their turn although their node has room: calls that wait
 * for others, and not for the processor. The limit itself goes on finding its value between its bounds.
 */
export class ConcurrencyLimitKnob implements Knob {
  readonly kind = "concurrency-limit";
  readonly #actions: (service: string) => ActionFigures[];
  readonly #nodes: () => NodeFigures[];
  readonly #call: CallNode;

  constructor(actions: (service: string) => ActionFigures[], nodes: () => NodeFigures[], call: CallNode) {
    this.#actions = actions;
    this.#nodes = nodes;
    this.#call = call;
  }

  async propose(service: string): Promise<Proposal[]> {
    const cpu = new Map(this.#nodes().map((node) => [node.node, node.cpu]));
    const proposals: Proposal[] = [];
    for (const { node, action, served, servedSum, queueSum, limit } of this.#actions(service)) {
      const share = queueSum / Math.max(1, queueSum + servedSum);
      if (limit === null || served < LEAST_CALLS || share < WAITS || (cpu.get(node) ?? 1) > ROOM) continue;
      const states = (await this.#call(node, "node-performance.limits", { service })) as LimitState[];
      const state = states.find((one) => one.action === action);
      if (!state || state.floor === null || state.ceiling === null) continue;
      const floor = Math.min(LARGEST, Math.max(state.floor + 1, Math.ceil((state.limit ?? limit) * STEP)));
      const before = { floor: state.floor, ceiling: state.ceiling };
      const after = { floor, ceiling: Math.max(state.ceiling, floor) };
      const undoing = { action, before, after };
      proposals.push({
        change: `Let at least ${floor} calls of ${action} run at once on ${node}, instead of ${state.floor}`,
        reason: `calls wait ${Math.round(share * 100)} % of their time for their turn, with ${limit} at once, while ${node} uses ${Math.round((cpu.get(node) ?? 0) * 100)} % of a core`,
        node,
        actions: [action],
        expectedGain: share,
        undoing,
        fleeting: true,
        ...this.revive(service, node, undoing),
      });
    }
    return proposals;
  }

  revive(_service: string, node: string | undefined, undoing: Undoing): Pick<Proposal, "apply" | "undo"> {
    const { action, before, after } = undoing as { action: string; before: object; after: object };
    const set = async (bounds: object) => {
      if (node !== undefined) await this.#call(node, "node-performance.limitBounds", { action, ...bounds });
    };
    return { apply: () => set(after), undo: () => set(before) };
  }
}
