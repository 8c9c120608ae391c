import type { ServiceFacts } from "./situation.ts";

const WINDOW_MS = 600_000;
/** So many are an alert, whatever else happened in the window. */
const MANY = 3;
/** Restarts of one service that are kept; more of them in the window say nothing more. */
const MAX_KEPT = 100;

/** How often each service was restarted lately, from counts since the organism began. */
export class RestartCounts {
  readonly #services = new Map<string, { total: number | null; since: number; at: number[] }>();
  #now = 0;

  /** @param now monotonic, ms */
  look(services: readonly ServiceFacts[] | null, now: number): void {
    this.#now = now;
    if (!services) return;
    const names = new Set<string>();
    for (const { name, restarts } of services) {
      names.add(name);
      const known = this.#services.get(name);
      const at = (known?.at ?? []).filter((one) => now - one < WINDOW_MS);
      // The first count says nothing of when; a lower one is of another orchestrator, which counts anew.
      const more =
        restarts === null || known === undefined || known.total === null ? 0 : Math.max(0, restarts - known.total);
      for (let i = 0; i < Math.min(more, MAX_KEPT); i++) at.push(now);
      const total = restarts ?? known?.total ?? null;
      this.#services.set(name, { total, since: known?.since ?? now, at: at.slice(-MAX_KEPT) });
    }
    for (const name of this.#services.keys()) if (!names.has(name)) this.#services.delete(name);
  }

  /** In the last 10 minutes. Few of them say nothing as long as these are not over: null. */
  within(service: string): number | null {
    const known = this.#services.get(service);
    if (!known || known.total === null) return null;
    return known.at.length >= MANY || this.#now - known.since >= WINDOW_MS ? known.at.length : null;
  }
}
