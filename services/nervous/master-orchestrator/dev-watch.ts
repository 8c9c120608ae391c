import { type FSWatcher, watch } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { discover } from "../../../runtime/discovery/discover.ts";
import { projectEnvironment } from "../../../runtime/project.ts";
import type { Conductor } from "./conductor.ts";
import type { Operator } from "./operator.ts";

/** Editors write a file in several steps; this long after the last one it is read, ms. */
const SETTLE_MS = 50;

/** While developing: a service whose files change is restarted alone, in its process. */
export class DevWatch {
  readonly #conductor: Conductor;
  readonly #operator: Operator;
  readonly #changed = new Set<string>();
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #busy = false;

  constructor(conductor: Conductor, operator: Operator) {
    this.#conductor = conductor;
    this.#operator = operator;
  }

  start(): void {
    const { services } = this.#conductor.state.plan.project;
    this.#watcher = watch(services, { recursive: true }, (_event, file) => {
      if (!file || file.includes("node_modules") || !/\.(m|c)?[jt]s$|\.json$/.test(file)) return;
      this.#changed.add(join(services, file));
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#applySoon(), SETTLE_MS);
    });
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#watcher?.close();
  }

  #applySoon(): void {
    this.#apply().catch((error: Error) => this.#conductor.logger.error("the changed files cannot be taken up", error));
  }

  async #apply(): Promise<void> {
    if (this.#busy) {
      this.#timer = setTimeout(() => this.#applySoon(), SETTLE_MS);
      return;
    }
    this.#busy = true;
    const changed = [...this.#changed];
    this.#changed.clear();
    const { logger, state } = this.#conductor;
    try {
      const { project } = state.plan;
      const known = affected(changed, state.plan.services, project.services);
      // Restarting what is known needs no new plan; a new or changed description is taken up behind it.
      await Promise.all(known.map((name) => this.#restart(name)));
      if (changed.every((file) => !/\.service\.(\w+)$/.test(file))) return;
      const { plan, problems } = await discover(project, { env: projectEnvironment(project) });
      if (plan) this.#conductor.replan(plan);
      for (const { file, field, problem, remedy } of problems) logger.error(`${file}: ${field} ${problem}; ${remedy}`);
    } finally {
      this.#busy = false;
    }
  }

  async #restart(name: string): Promise<void> {
    const { logger } = this.#conductor;
    try {
      const { duration } = await this.#operator.restart(name);
      logger.info(`${name} was restarted with its changed files in ${duration} ms`);
    } catch (error) {
      logger.error(`${name} was changed, and does not start`, error);
    }
  }
}

/**
 * Services to restart for changed files: the service whose file it is; else those whose own folder it lies in; else,
 * for a module that many share, all that lie at or below its folder.
 */
export function affected(
  changed: readonly string[],
  services: readonly { name: string; file: string }[],
  root: string,
): string[] {
  const names = new Set<string>();
  for (const file of changed) {
    const own = services.filter((service) => service.file === file);
    const folder = dirname(file);
    const beside = services.filter(
      (service) => dirname(service.file) !== root && `${folder}${sep}`.startsWith(`${dirname(service.file)}${sep}`),
    );
    const below = services.filter((service) => !relative(dirname(folder), service.file).startsWith(".."));
    const found = own.length > 0 ? own : /\.service\.\w+$/.test(file) ? [] : beside.length > 0 ? beside : below;
    for (const { name } of found) names.add(name);
  }
  return [...names];
}
