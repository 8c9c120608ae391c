/**
 * What is not counted: the runtime's own telemetry and commands, questions after someone's health, and what brings the
 * counts themselves to the chain, or tells of it. To count these would make an organism at rest write for ever.
 */
const LEFT_OUT =
  /^\$|^(?:node-host|node-accounting|node-faults|chain-witness)\.|\.health$|^(?:node\.vitals|node\.performance|health\.checked|organism\.closures)$|^chain\.(?:block|alarm)$|^blockchain-logger\.(?:append|log)$/;
/** Names of actions and events that are remembered. */
const MAX_NAMES = 10_000;
const known = new Map<string, boolean>();

/** @param name of an action or event */
export function isLeftOut(name: string): boolean {
  const found = known.get(name);
  if (found !== undefined) return found;
  const answer = LEFT_OUT.test(name);
  if (known.size < MAX_NAMES) known.set(name, answer);
  return answer;
}
