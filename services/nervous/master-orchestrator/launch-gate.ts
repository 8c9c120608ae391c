import type { PlannedService } from "../../../runtime/discovery/plan.ts";
import type { ServiceStatus } from "./service-status.ts";

export const LAST_PHASE = 6;

/** A service as the gate sees it. */
export interface Gated {
  planned: PlannedService;
  status: ServiceStatus;
  /** ms since its first start was tried; 0 if it was not. */
  startingFor: number;
  /** Instances that are wanted and not started. */
  missing: boolean;
}

export interface GateLimits {
  parallelLaunchLimit: number;
  defaultStartupTimeout: number;
}

export interface Gate {
  /** The phase that is launched now; `LAST_PHASE + 1` when all are. */
  phase: number;
  /** Services of which an instance may be started now. */
  open: string[];
  /** What each other missing service waits for, in words. */
  waiting: Map<string, string>;
}

const UP: readonly ServiceStatus[] = ["healthy", "degraded"];
const SETTLED: readonly ServiceStatus[] = ["healthy", "degraded", "timeout", "quarantined", "stopped"];

/**
 * Says which services may start. A phase begins when every service of the ones before is up or past its start-up
 * time-out; within it a service waits for its hard dependencies. Phase 0 is serial, later ones have a limit.
 * @param starting number of starts under way
 */
export function launchGate(services: readonly Gated[], starting: number, limits: GateLimits): Gate {
  const byName = new Map(services.map((one) => [one.planned.name, one]));
  const timeoutOf = ({ planned }: Gated) => planned.startupTimeout ?? limits.defaultStartupTimeout;
  const over = (one: Gated) => SETTLED.includes(one.status) || one.startingFor > timeoutOf(one);
  // What waits for something that does not come holds up nobody else.
  const known = new Map<Gated, boolean>();
  const stuck = (one: Gated): boolean => {
    if (one.status !== "waiting") return false;
    let answer = known.get(one);
    if (answer === undefined) {
      answer = one.planned.dependencies.some((name) => {
        const other = byName.get(name);
        return other !== undefined && ((over(other) && !UP.includes(other.status)) || stuck(other));
      });
      known.set(one, answer);
    }
    return answer;
  };
  const settled = (one: Gated) => over(one) || stuck(one);
  const unsettled = services.filter((one) => !settled(one));
  const phase = Math.min(...unsettled.map(({ planned }) => planned.launchPhase), LAST_PHASE + 1);
  const open: string[] = [];
  const waiting = new Map<string, string>();
  const room = (phase === 0 ? 1 : limits.parallelLaunchLimit) - starting;
  for (const { planned, missing } of services) {
    if (!missing) continue;
    const { name, launchPhase, dependencies } = planned;
    const blocker = dependencies.map((other) => byName.get(other)).find((other) => other && !UP.includes(other.status));
    if (launchPhase > phase) {
      const first = unsettled.find((one) => one.planned.launchPhase === phase)!;
      waiting.set(name, `waiting for phase ${phase}: ${describe(first)}`);
    } else if (blocker) waiting.set(name, `waiting for ${describe(blocker)}`);
    else if (open.length >= room) waiting.set(name, `waiting for its turn (${starting + open.length} are starting)`);
    else open.push(name);
  }
  return { phase, open, waiting };
}

function describe({ planned, status, startingFor }: Gated): string {
  return `${planned.name} (${status}${status === "starting" ? `, ${(startingFor / 1000).toFixed(1)} s` : ""})`;
}
