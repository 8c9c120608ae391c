import { MOST_RULES } from "./limits.ts";
import type { LoadedRules } from "./loaded-rules.ts";
import { workHash } from "./loaded-rules.ts";

/** What outlives a restart of the engine, by id of the rule: moments in ms since the epoch. */
export type RuleSnapshot = Record<string, { work: string; lastFired: number | null; activeSince: number | null }>;

/** Rules that were active or in their cooldown, so that a restart does not fire everything again. */
export function remember(loaded: LoadedRules, now: number, wall: number): RuleSnapshot {
  const snapshot: RuleSnapshot = {};
  const moment = (monotonic: number) => (Number.isFinite(monotonic) ? Math.round(wall - (now - monotonic)) : null);
  for (const [number, rule] of loaded.rules.entries()) {
    const lastFired = moment(loaded.timing.lastFired(number));
    const activeSince = moment(loaded.timing.activeSince(number));
    const worth = activeSince !== null || loaded.timing.cooldownLeft(number, now) > 0;
    if (worth) snapshot[rule.id] = { work: workHash(rule), lastFired, activeSince };
  }
  return snapshot;
}

/** Reads what was kept; what cannot be read is left out. */
export function readSnapshot(input: unknown): Map<string, RuleSnapshot[string]> {
  const known = new Map<string, RuleSnapshot[string]>();
  if (typeof input !== "object" || input === null) return known;
  for (const [id, entry] of Object.entries(input).slice(0, MOST_RULES)) {
    const { work, lastFired, activeSince } = (entry ?? {}) as Partial<RuleSnapshot[string]>;
    if (typeof work !== "string") continue;
    known.set(id, { work, lastFired: finite(lastFired), activeSince: finite(activeSince) });
  }
  return known;
}

/** Gives rules back what they had; a moment that lies ahead (the machine's clock was set back) counts as just now. */
export function recall(loaded: LoadedRules, kept: Map<string, RuleSnapshot[string]>, now: number, wall: number): void {
  const monotonic = (at: number | null, never: number) => (at === null ? never : now - Math.max(0, wall - at));
  for (const [id, { work, lastFired, activeSince }] of kept) {
    const number = loaded.number(id);
    if (number === undefined || workHash(loaded.rules[number]!) !== work) continue;
    kept.delete(id);
    loaded.timing.restore(number, {
      active: activeSince !== null,
      activeSince: monotonic(activeSince, Number.NaN),
      lastFired: monotonic(lastFired, Number.NEGATIVE_INFINITY),
    });
  }
}

function finite(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
