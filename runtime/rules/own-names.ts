import { editDistance } from "../nearest.ts";

/** Names that are looked up in one list: each costs a look at every name in it. */
const MOST_LOOKED_UP = 20;
/** What was found, by the list of names and the name. */
const found = new WeakMap<readonly string[], Map<string, string | undefined>>();

/**
 * The published metric that was most likely meant by one that nobody publishes, as `heart.till.sales`: the same one of another
 * system, or one whose service and name are both near. Undefined where it is published itself, and where nothing is near.
 * @param own published ones, with their systems
 */
export function meantOwn(own: readonly string[], system: string, metric: string): string | undefined {
  const asked = `${system}.${metric}`;
  let known = found.get(own);
  if (!known) {
    known = new Map();
    found.set(own, known);
  }
  if (known.has(asked) || known.size >= MOST_LOOKED_UP) return known.get(asked);
  const meant = own.includes(asked) ? undefined : nearestOwn(own, system, metric);
  known.set(asked, meant);
  return meant;
}

function nearestOwn(own: readonly string[], system: string, metric: string): string | undefined {
  const [service, name] = parted(metric);
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of own) {
    const [ofSystem, of] = parted(candidate);
    const [ofService, called] = parted(of);
    const elsewhere = ofSystem === system ? 0 : 0.5;
    const inService = apart(service, ofService) + elsewhere;
    const distance = inService < least ? inService + apart(name, called) : least;
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** `till.sales` → `till`, `sales` */
function parted(name: string): [string, string] {
  const dot = name.indexOf(".");
  return [name.slice(0, dot), name.slice(dot + 1)];
}

/** Letters that differ; Infinity where these are simply two names. */
function apart(one: string, other: string): number {
  if (one === other) return 0;
  const most = Math.max(1, Math.floor(one.length / 3));
  if (Math.abs(one.length - other.length) > most) return Number.POSITIVE_INFINITY;
  const distance = editDistance(one.toLowerCase(), other.toLowerCase());
  return distance <= most ? distance : Number.POSITIVE_INFINITY;
}
