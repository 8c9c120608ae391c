import { SYSTEMS, type System } from "../../../../models/metrics.ts";
import type { Flow } from "../../../../models/organism-state.ts";
import type { FlowInput } from "../harmony/strain.ts";
import { keepAt } from "./metric-memory.ts";
import type { FlowSum } from "./node-performance-state.ts";

const N = SYSTEMS.length;
const INDEX = Object.fromEntries(SYSTEMS.map((system, at) => [system, at])) as Record<System, number>;
/** Columns of a pair of systems. */
const SUM = { rate: 0, calls: 1, failures: 2, time: 3, timed: 4, waited: 5 } as const;
const WIDTH = Object.keys(SUM).length;
const MOST_MS = 2_200_000;

/** Calls between systems, of all nodes. */
export class FlowTable {
  readonly #sums = new Float64Array(N * N * WIDTH);
  /** As they were when all nodes of the calling system last told of them. */
  readonly #last = new Map<System, { at: number; flows: Flow[] }>();

  begin(): void {
    this.#sums.fill(0);
  }

  /** @param span of all the reports of that node, ms */
  add({ from, to, calls, failures, sum, timed, waited }: FlowSum, span: number): void {
    const at = (INDEX[from] * N + INDEX[to]) * WIDTH;
    this.#sums[at + SUM.rate]! += (calls * 1000) / span;
    this.#sums[at + SUM.calls]! += calls;
    this.#sums[at + SUM.failures]! += failures;
    this.#sums[at + SUM.time]! += sum;
    this.#sums[at + SUM.timed]! += timed;
    this.#sums[at + SUM.waited]! += waited;
  }

  /** What is told now, and of callers that are silent by now what they told last. @param told share of each system's nodes that tell, 0 to 1 */
  remembered(flows: readonly Flow[], told: Readonly<Record<System, number>>, now: number): FlowInput[] {
    return SYSTEMS.flatMap((from) => {
      const these = flows.filter((flow) => flow.from === from);
      const share = told[from];
      if (share >= 1) this.#last.set(from, { at: now, flows: these });
      const last = this.#last.get(from);
      if (share >= 1 || !last) return these;
      const keep = keepAt(now - last.at);
      return [...these, ...last.flows.map((flow) => ({ ...flow, keep }))];
    });
  }

  flows(): Flow[] {
    const flows: Flow[] = [];
    for (let pair = 0; pair < N * N; pair++) {
      const sum = (name: keyof typeof SUM) => this.#sums[pair * WIDTH + SUM[name]]!;
      const calls = sum("calls");
      if (calls === 0) continue;
      flows.push({
        from: SYSTEMS[Math.floor(pair / N)]!,
        to: SYSTEMS[pair % N]!,
        rate: sum("rate"),
        latency: Math.min(MOST_MS, sum("time") / calls / 1000),
        waiting: sum("timed") > 0 ? Math.min(MOST_MS, sum("waited") / sum("timed") / 1000) : null,
        errorRate: (100 * sum("failures")) / calls,
      });
    }
    return flows;
  }
}
