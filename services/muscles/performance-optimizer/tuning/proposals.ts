import { type Clock, within } from "../../../../runtime/clock.ts";
import type { Entry } from "../records/book.ts";
import type { Knob, Proposal } from "./knob.ts";

/** A change that may be tried, and what it is tried with. */
export interface Candidate {
  knob: Knob;
  proposal: Proposal;
  /** The same for the same change, whenever it is proposed. */
  key: string;
}

/** A knob that does not answer must not hold up the others, ms. */
const PATIENCE_MS = 20_000;
/** What did not help is not tried again for so long, ms. */
const REST_MS = 24 * 3_600_000;

/** All that knobs propose for a service. A knob that cannot say is left out. */
export async function candidatesOf(
  service: string,
  { knobs, clock, logger }: { knobs: readonly Knob[]; clock: Clock; logger: { warn(text: string): void } },
): Promise<Candidate[]> {
  const all = await Promise.all(
    knobs.map(async (knob) => {
      try {
        const late = `no answer within ${PATIENCE_MS / 1000} s`;
        const proposals = await within(clock, PATIENCE_MS, knob.propose(service), late);
        return proposals.map((proposal) => ({ knob, proposal, key: keyOf(knob.kind, proposal.change) }));
      } catch (error) {
        logger.warn(`${service}: no proposal of kind ${knob.kind}: ${(error as Error).message}`);
        return [];
      }
    }),
  );
  return all.flat();
}

/** What promises most of that which has not been tried in this turn, and did not fail to help lately. @param wall ms since the epoch */
export function bestOf(
  candidates: readonly Candidate[],
  past: readonly Entry[],
  tried: ReadonlySet<string>,
  wall: number,
): Candidate | undefined {
  const rested = new Set(past.filter((entry) => isResting(entry, wall)).map(({ kind, change }) => keyOf(kind, change)));
  return candidates
    .filter(({ key, proposal }) => !tried.has(key) && !rested.has(key) && proposal.actions.length > 0)
    .sort((a, b) => b.proposal.expectedGain - a.proposal.expectedGain)[0];
}

/** One without a verdict was taken back for another reason, such as a restart. */
const isResting = ({ status, at, effect }: Entry, wall: number) =>
  status === "taken-back" && effect !== undefined && wall - Date.parse(at) < REST_MS;

const keyOf = (kind: string, change: string) => `${kind} ${change}`;
