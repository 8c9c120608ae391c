import type { HealingRecord, Rung } from "../../models/healing.ts";
import { RESTART_DELAYS } from "../../runtime/backoff.ts";
import { seeded } from "../../services/immune/chaos-monkey/random.ts";
import type { FakeClock } from "./fake-clock.ts";

type Climbed = Exclude<Rung, "quarantine">;

/** One kind of failure: how likely each rung helps, and how long an attempt takes, ms. */
export interface Disease {
  signature: string;
  best: Climbed;
  helps: Record<Climbed, number>;
  takes: Record<Climbed, number>;
  /** How often it comes, as a share of all failures. */
  share: number;
}

export const DISEASES: readonly Disease[] = [
  {
    signature: "crashed|payments|out of memory",
    best: "restart-in-place",
    helps: { "restart-in-place": 0.97, "graceful-restart": 0.98, "dependency-restart": 0.98 },
    takes: { "restart-in-place": 60, "graceful-restart": 3000, "dependency-restart": 12_000 },
    share: 0.5,
  },
  {
    signature: "unhealthy|catalogue|stale module state",
    best: "graceful-restart",
    helps: { "restart-in-place": 0.03, "graceful-restart": 0.96, "dependency-restart": 0.97 },
    // A restart in place is believed only when the next health checks have failed too.
    takes: { "restart-in-place": 2500, "graceful-restart": 3500, "dependency-restart": 12_000 },
    share: 0.3,
  },
  {
    signature: "start failed|reports|connection to <address> refused",
    best: "dependency-restart",
    helps: { "restart-in-place": 0.02, "graceful-restart": 0.05, "dependency-restart": 0.96 },
    takes: { "restart-in-place": 800, "graceful-restart": 4000, "dependency-restart": 14_000 },
    share: 0.2,
  },
];

/** Attempts before quarantine, and the first of each rung. */
const ATTEMPTS = 7;
const ENTRIES: Record<Climbed, number> = { "restart-in-place": 1, "graceful-restart": 4, "dependency-restart": 6 };
/** Time until a person has helped, ms. */
const QUARANTINED_MS = 300_000;
const CALLS_PER_SECOND = 20;

export interface Healer {
  observe(record: HealingRecord): void;
  advice(): Record<string, Rung>;
}

export interface Outcome {
  disease: Disease;
  /** Time to recover, ms. */
  time: number;
  lostCalls: number;
  rungs: Rung[];
}

export interface SimulationOptions {
  seed: number;
  failures: number;
  clock: FakeClock;
  /** Which rung a failure is begun with. Absent: the static ladder. */
  begin?: (disease: Disease) => Rung | undefined;
  observe?: (record: HealingRecord) => void;
}

/**
 * Failures as they befall an organism, climbed rung by rung. The same seed gives the same failures with the same fate
 * for each attempt, whoever chooses the rungs: the runs differ by the choices alone.
 */
export function simulate({ seed, failures, clock, begin, observe }: SimulationOptions): Outcome[] {
  const random = seeded(seed);
  return Array.from({ length: failures }, (_, number) => {
    const disease = pick(random());
    const fate = Array.from({ length: ATTEMPTS }, () => ({ luck: random(), pace: random(), jitter: random() }));
    clock.advance(120_000 + random() * 1_200_000);
    const since = clock.now();
    const rungs: Rung[] = [];
    const entry = ENTRIES[(begin?.(disease) ?? "restart-in-place") as Climbed];
    const tell = (attempt: number, rung: Rung, success: boolean) => {
      rungs.push(rung);
      const duration = clock.now() - since;
      const lost = Math.round((duration / 1000) * CALLS_PER_SECOND);
      observe?.(recordOf(disease, `case-${number}`, since, { attempt, rung, success, duration, lost }));
    };
    const over = (): Outcome => {
      const time = clock.now() - since;
      return { disease, time, lostCalls: Math.round((time / 1000) * CALLS_PER_SECOND), rungs };
    };
    for (let attempt = entry; attempt <= ATTEMPTS; attempt++) {
      const { luck, pace, jitter } = fate[attempt - 1]!;
      if (attempt > entry) clock.advance(RESTART_DELAYS[attempt - 1]! * (0.75 + 0.5 * jitter));
      const rung = rungOf(attempt);
      clock.advance(disease.takes[rung] * (0.7 + 0.6 * pace));
      const success = luck < disease.helps[rung];
      tell(attempt, rung, success);
      if (success) return over();
    }
    tell(ATTEMPTS, "quarantine", false);
    clock.advance(QUARANTINED_MS);
    return over();
  });
}

export function totalTime(outcomes: readonly Outcome[]): number {
  return outcomes.reduce((sum, { time }) => sum + time, 0);
}

function rungOf(attempt: number): Climbed {
  const rungs = Object.keys(ENTRIES) as Climbed[];
  return rungs.findLast((rung) => attempt >= ENTRIES[rung])!;
}

function pick(at: number): Disease {
  let left = at;
  for (const disease of DISEASES) {
    if (left < disease.share) return disease;
    left -= disease.share;
  }
  return DISEASES.at(-1)!;
}

function recordOf(
  { signature }: Disease,
  id: string,
  since: number,
  act: Pick<HealingRecord, "attempt" | "success" | "duration" | "rung" | "lost">,
): HealingRecord {
  const [failure, service] = signature.split("|") as [string, string];
  return {
    id: `${id}-${act.attempt}-${act.rung}`,
    at: new Date(since).toISOString(),
    target: { service, node: "muscles-1" },
    failure,
    action: act.rung!,
    observed: { before: "unhealthy", after: act.success ? "healthy" : "unhealthy" },
    reason: "simulated",
    detection: 0,
    case: id,
    signature,
    by: "ladder",
    ...act,
  };
}
