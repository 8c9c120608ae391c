import { askHttpHealth, USUAL_HEALTH_PATHS } from "../../../runtime/http-health.ts";
import type { HealthAnswer } from "../../../runtime/node-host/service-health.ts";

export interface WatchedProgram {
  name: string;
  node: string;
  incarnation: number;
  port?: number;
  path?: string;
  /** ms since the epoch. */
  since: number;
}

/** Asks programs over HTTP how they are, and remembers for each which path answered. */
export class ProgramProbe {
  readonly #paths = new Map<string, string>();

  ask(programs: readonly WatchedProgram[], timeout: number): Promise<{ node: string; answers: HealthAnswer[] }[]> {
    return Promise.all(
      programs.map(async (program) => ({ node: program.node, answers: [await this.#askOne(program, timeout)] })),
    );
  }

  async #askOne({ name, incarnation, port, path, since }: WatchedProgram, timeout: number): Promise<HealthAnswer> {
    const uptime = Math.round((Date.now() - since) / 1000);
    const answer = { name, incarnation, uptime, responseTime: 0 };
    // Without a port all that can be seen is that its process lives, which the orchestrator watches.
    if (!port) return { ...answer, status: "healthy", checks: { process: "ok" } };
    const known = path ?? this.#paths.get(name);
    try {
      const got = await askHttpHealth(port, known ? [known] : USUAL_HEALTH_PATHS, timeout);
      const there = got.status !== 404;
      if (there && !path) this.#paths.set(name, got.path);
      else this.#paths.delete(name);
      const checks = { http: there ? `${got.path} answers ${got.status}` : "answers, but has no health page" };
      return { ...answer, responseTime: got.responseTime, status: got.status >= 500 ? "unhealthy" : "healthy", checks };
    } catch (error) {
      this.#paths.delete(name);
      const late = (error as Error).message.startsWith("no answer");
      return { ...answer, status: "unhealthy", checks: { http: (error as Error).message }, late };
    }
  }
}
