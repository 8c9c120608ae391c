import type { Knob, Proposal } from "../tuning/knob.ts";
import type { Advice } from "./advice.ts";
import type { QueryOptimizer } from "./query-optimizer.ts";

/** Advice that a tuner may try by itself. An index without use may be for the report at the end of the year. */
const OF_KIND = {
  index: ["missing-index", "redundant-index"],
  rewrite: ["rewrite"],
} as const satisfies Record<string, readonly Advice["kind"][]>;

/** Indexes and other forms of queries, as knobs for the tuner. */
export function queryKnobs(optimizer: QueryOptimizer): Knob[] {
  return (Object.keys(OF_KIND) as (keyof typeof OF_KIND)[]).map((kind) => ({
    kind,
    async propose(service) {
      const all = await optimizer.advice(service);
      return all
        .filter((each) => each.applicable && (OF_KIND[kind] as readonly string[]).includes(each.kind))
        .map((each) => proposal(optimizer, each));
    },
    revive: (service, _node, undoing) => ({
      apply: () => optimizer.redo(service, undoing),
      undo: () => optimizer.undo(service, undoing),
    }),
  }));
}

function proposal(optimizer: QueryOptimizer, advice: Advice): Proposal {
  const { service, what, evidence, actions, costs, expectedGain, changes } = advice;
  const undoing = { changes };
  return {
    change: what,
    reason: evidence.join("; "),
    actions,
    costs,
    expectedGain,
    undoing,
    apply: () => optimizer.redo(service, undoing),
    undo: () => optimizer.undo(service, undoing),
  };
}
