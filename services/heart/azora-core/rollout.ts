import { createHash } from "node:crypto";

/** A feature flag. */
export interface Flag {
  name: string;
  /** The switch: off is off for everybody, the allow list included. */
  enabled: boolean;
  /** Share of subjects that have the flag, 0 to 100; two decimals count. */
  percentage: number;
  /** Subjects that always have it. */
  allow: string[];
  /** Subjects that never have it; stronger than `allow`. */
  deny: string[];
}

export type Reason =
  | "unknown flag"
  | "switched off"
  | "on the deny list"
  | "on the allow list"
  | "on for everybody"
  | "within the roll-out"
  | "outside the roll-out"
  | "no subject to roll out to";

export interface Evaluation {
  enabled: boolean;
  reason: Reason;
}

/** A hundredth of a percent. */
const BUCKETS = 10_000;

/**
 * Where a subject stands in a flag's roll-out: 0 to 9999, uniform, the same for ever and everywhere. Flags are
 * independent of each other, so that not always the same subjects go first.
 */
export function bucketOf(flag: string, subject: string): number {
  // The length keeps ("a", "bc") and ("ab", "c") apart. 48 bits: the bias of the modulo is below 1e-10.
  const digest = createHash("sha256").update(`${flag.length}:${flag}:${subject}`).digest();
  return digest.readUIntBE(0, 6) % BUCKETS;
}

/**
 * Whether a subject has a flag, and why. Raising the percentage never takes the flag from anybody: who is in at 10 % has
 * a bucket below 1000, and so is in at 20 %.
 */
export function evaluate(flag: Flag | undefined, subject?: string): Evaluation {
  if (!flag) return { enabled: false, reason: "unknown flag" };
  if (!flag.enabled) return { enabled: false, reason: "switched off" };
  if (subject !== undefined && flag.deny.includes(subject)) return { enabled: false, reason: "on the deny list" };
  if (subject !== undefined && flag.allow.includes(subject)) return { enabled: true, reason: "on the allow list" };
  if (flag.percentage >= 100) return { enabled: true, reason: "on for everybody" };
  if (subject === undefined) return { enabled: false, reason: "no subject to roll out to" };
  const within = bucketOf(flag.name, subject) < Math.round((flag.percentage / 100) * BUCKETS);
  return within ? { enabled: true, reason: "within the roll-out" } : { enabled: false, reason: "outside the roll-out" };
}
