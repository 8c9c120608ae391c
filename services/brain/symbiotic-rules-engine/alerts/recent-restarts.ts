import type { TopologyService } from "../../../../models/topology.ts";
import { RestartEvents } from "../model/restart-events.ts";

const WINDOW_MS = 600_000;
/** So many say enough, whatever else happened in the window. */
const MANY = 3;

interface Watched {
  since: number;
  restarts: RestartEvents;
}

/** How often services were restarted lately, by the incarnations of their instances: what restarts together counts once. */
export class RecentRestarts {
  readonly #services = new Map<string, Watched>();
  #incarnations = new Map<string, number>();
  #now = 0;

  /** @param now monotonic, ms */
  look(services: readonly Pick<TopologyService, "name" | "instances">[], now: number): void {
    this.#now = now;
    const names = new Set<string>();
    const incarnations = new Map<string, number>();
    for (const { name, instances } of services) {
      names.add(name);
      const watched = this.#services.get(name) ?? { since: now, restarts: new RestartEvents() };
      this.#services.set(name, watched);
      for (const { node, incarnation } of instances) {
        // It has not run yet: its first start is none anew.
        if (incarnation < 1) continue;
        const key = `${name}@${node}`;
        // An instance that is seen for the first time was not restarted as far as anyone knows.
        const before = this.#incarnations.get(key) ?? incarnation;
        if (incarnation > before) watched.restarts.add(key, now, incarnation - before);
        incarnations.set(key, Math.max(before, incarnation));
      }
    }
    this.#incarnations = incarnations;
    for (const name of this.#services.keys()) if (!names.has(name)) this.#services.delete(name);
  }

  /** In the last 10 minutes. Few of them say nothing while these have not been watched to their end: null. */
  of(service: string): number | null {
    const watched = this.#services.get(service);
    if (!watched) return null;
    const count = watched.restarts.count(this.#now);
    return count >= MANY || this.#now - watched.since >= WINDOW_MS ? count : null;
  }
}
