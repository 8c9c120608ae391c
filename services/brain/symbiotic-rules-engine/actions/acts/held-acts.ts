import type { Held } from "../held.ts";
import { refuse } from "../refused.ts";
import type { Act, Situation } from "./act.ts";

const DURATION_MS = 60_000;
/** A throttle never goes below this, calls a second. */
const LEAST_RATE = 1;
const BELOW = { critical: "high", high: "medium", medium: "low" } as const;

/** Until when a person's wish is held; a rule's is held while the rule is active. */
function until({ by, parameters, now }: Situation): number | undefined {
  const { duration } = parameters as { duration?: number };
  if (duration !== undefined) return now + duration;
  return by === "operator" ? now + DURATION_MS : undefined;
}

/** What another active rule holds more strongly stays as it is. */
function isStronger(before: Held | undefined, rule: string, strength: number, of: (held: Held) => number): boolean {
  return before !== undefined && before.ended === undefined && before.rule !== rule && of(before) > strength;
}

const RANK = { low: 0, medium: 1, high: 2 } as const;
const strengthOf = (held: Held) => (held.kind === "shed" ? RANK[held.value.priority] * 100 + held.value.share : 0);

/** Refuses calls of lower priority at the door, so that the others are answered. */
export const shed: Act = (situation) => {
  const { target, parameters, rule, now, holdings } = situation;
  const { below = "medium", share = 100 } = parameters as { below?: keyof typeof BELOW; share?: number };
  if (target.nodes.length === 0) refuse(`${target.name} is on no node that is up`);
  const value = { priority: BELOW[below], share };
  const before = holdings.find(target.name, "admission");
  const what = `refuses ${share < 100 ? `${share} % of the ` : ""}calls of ${value.priority} priority to ${target.name}${below === "medium" ? "" : ", and all of lower ones"}`;
  if (isStronger(before, rule, RANK[value.priority] * 100 + share, strengthOf))
    return { what: `${what}; ${before!.rule} refuses more already`, isThere: true, carryOut: async () => "" };
  return {
    what,
    ...(before?.kind === "shed" &&
    before.value.priority === value.priority &&
    before.value.share === share &&
    !before.ended
      ? { isThere: true as const }
      : {}),
    carryOut: () =>
      holdings.hold({
        kind: "shed",
        target: target.name,
        lever: "admission",
        value,
        rule,
        since: now,
        until: until(situation),
      }),
    undo: () => holdings.putBack(target.name, "admission", before),
  };
};

/** Lets so many calls a second in, of all nodes together. */
export const throttle: Act = (situation) => {
  const { target, parameters, rule, now, holdings, values } = situation;
  const { rate: given, percent } = parameters as { rate?: number; percent?: number };
  if (target.nodes.length === 0) refuse(`${target.name} is on no node that is up`);
  const comes = values.now(`${target.system}.requestRate`);
  if (given === undefined && comes === null)
    refuse(`how many calls come to ${target.system} is not known, so no share of them is`);
  if (given === undefined && target.kind !== "system")
    refuse("a share of the calls is only known of a system; give a rate");
  const before = holdings.find(target.name, "rate");
  // A share is of what came when it was first held: of what is let in it would go down with each firing.
  if (given === undefined && before?.kind === "throttle" && !before.ended)
    return {
      what: `lets ${calls(before.value.rate)} a second in to ${target.name}`,
      isThere: true,
      carryOut: async () => "",
    };
  const rate = Math.max(LEAST_RATE, Math.round(given ?? (comes! * percent!) / 100));
  if (isStronger(before, rule, -rate, (held) => (held.kind === "throttle" ? -held.value.rate : 0)))
    return {
      what: `lets at most ${calls(rate)} a second in; ${before!.rule} lets fewer in`,
      isThere: true,
      carryOut: async () => "",
    };
  return {
    what: `lets at most ${calls(rate)} a second in to ${target.name}`,
    ...(before?.kind === "throttle" && before.value.rate === rate && !before.ended ? { isThere: true as const } : {}),
    carryOut: () =>
      holdings.hold({
        kind: "throttle",
        target: target.name,
        lever: "rate",
        value: { rate },
        rule,
        since: now,
        until: until(situation),
      }),
    undo: () => holdings.putBack(target.name, "rate", before),
  };
};

/** Sets a flag that services read, for as long as the rule is active. */
export const setFlag: Act = (situation) => {
  const { target, parameters, rule, now, holdings } = situation;
  const { flag, value } = parameters as { flag: string; value: boolean | number | string };
  const lever = `flag:${flag}` as const;
  const before = holdings.find(target.name, lever);
  const was = before?.kind === "flag" && before.rule !== rule ? before.value.value : value;
  return {
    what: `sets the flag ${flag} to ${JSON.stringify(value)} for ${target.name}`,
    // Any order of values shows a pair that sets it to and fro.
    ...(was === value
      ? {}
      : { direction: `${typeof value} ${value}` > `${typeof was} ${was}` ? (1 as const) : (-1 as const) }),
    ...(before?.kind === "flag" && before.value.value === value && !before.ended ? { isThere: true as const } : {}),
    carryOut: () =>
      holdings.hold({
        kind: "flag",
        target: target.name,
        lever,
        value: { flag, value },
        rule,
        since: now,
        until: until(situation),
      }),
    undo: () => holdings.putBack(target.name, lever, before),
  };
};

const calls = (count: number) => (count === 1 ? "1 call" : `${count} calls`);
