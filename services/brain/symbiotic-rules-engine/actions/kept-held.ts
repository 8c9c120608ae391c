import { type Held, isDurable } from "./held.ts";

/** What is stored of something held: ages instead of moments of a clock that the next process does not have. */
export interface KeptHeld {
  held: Held;
  /** ms since it was first held and last changed. */
  age: number;
  changed: number;
  /** ms until it ends; absent where it is held while its rule is active. */
  left?: number;
}

interface Kept {
  epoch: number;
  /** ms since the epoch. */
  at: number;
  held: KeptHeld[];
}

const MOST = 500;
const PRIORITIES = ["high", "medium", "low"];

const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

/** By kind, the lever that is held and whether a value is one of it: what is no value would be lent to nobody for ever. */
const CHECKS: Record<string, (lever: string, value: Record<string, unknown>) => boolean> = {
  share: (lever, { percent }) => lever === "cpu-share" && isNumber(percent),
  shed: (lever, { priority, share }) =>
    lever === "admission" && PRIORITIES.includes(priority as string) && isNumber(share),
  throttle: (lever, { rate }) => lever === "rate" && isNumber(rate),
  flag: (lever, { flag, value }) => lever === `flag:${flag}` && ["boolean", "number", "string"].includes(typeof value),
  nodes: (lever, { organ, before, to }) =>
    lever === "instances" && typeof organ === "string" && isNumber(before) && isNumber(to),
  memory: (lever, { nodes }) => lever === "memory" && Array.isArray(nodes) && nodes.every(isNodeMemory),
};

function isNodeMemory(value: unknown): boolean {
  const { node, before, was, to } = (value ?? {}) as Record<string, unknown>;
  return typeof node === "string" && (before === null || isNumber(before)) && isNumber(was) && was > 0 && isNumber(to);
}

export function actorSnapshot(epoch: number, held: readonly Held[], now: number, wall: number): Kept {
  return {
    epoch,
    // Where nothing is held nothing grows older: what says the same is not stored again.
    at: held.length === 0 ? 0 : wall,
    held: held.map((one) => ({
      held: one,
      age: now - one.since,
      changed: now - (one.changed ?? one.since),
      ...(one.until === undefined ? {} : { left: one.until - now }),
    })),
  };
}

/** What a snapshot holds, in the time of this process. Nonsense holds nothing. */
export function keptHeld(snapshot: unknown, now: number, wall: number): { epoch: number; held: Held[] } {
  const { epoch, at, held } = (snapshot ?? {}) as Partial<Kept>;
  if (typeof epoch !== "number" || !Number.isFinite(epoch) || typeof at !== "number" || !Array.isArray(held))
    return { epoch: 0, held: [] };
  // The machine's clock may have been set meanwhile, and never is time taken back by it.
  const passed = Math.max(0, wall - at);
  const taken = held.slice(0, MOST).flatMap((one) => {
    const { held: kept, age, changed, left } = one ?? {};
    if (!isHeld(kept) || !isNumber(age) || !isNumber(changed)) return [];
    // Lent things are gone from the nodes already; they go on only if their rule fires again soon.
    if (left !== undefined && (!isNumber(left) || left <= passed))
      return isDurable(kept) ? [ended(kept, now, age, changed, passed)] : [];
    if (left === undefined) return [ended(kept, now, age, changed, passed)];
    // What has a time of its own does not ask for its rule.
    return [{ ...ended(kept, now, age, changed, passed), ended: undefined, until: now + left - passed }];
  });
  return { epoch, held: taken };
}

/** Its rule is not active in this life until it fires again; the highest need is looked at anew. */
function ended(held: Held, now: number, age: number, changed: number, passed: number): Held {
  return { ...held, since: now - age - passed, changed: now - changed - passed, ended: now };
}

function isHeld(given: unknown): given is Held {
  const { kind, target, lever, rule, value } = (given ?? {}) as Partial<Held>;
  return (
    typeof target === "string" &&
    typeof lever === "string" &&
    typeof rule === "string" &&
    typeof value === "object" &&
    value !== null &&
    CHECKS[`${kind}`]?.(lever, value as Record<string, unknown>) === true
  );
}
