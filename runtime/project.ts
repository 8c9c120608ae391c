import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import type { BrokerOptions } from "moleculer";
import type { ProjectInfo } from "./discovery/plan.ts";
import { importService } from "./module-hooks.ts";
import { SECRET_SETTINGS } from "./settings.ts";

/** The environment of a foreign project's processes: all of ours less Azora's secrets, and its `.env` below it. */
export function projectEnvironment(project: ProjectInfo, env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  if (!project.foreign) return env;
  const file = join(project.root, ".env");
  const own = existsSync(file) ? parseEnv(readFileSync(file, "utf8")) : {};
  const merged: NodeJS.ProcessEnv = { ...own, ...env };
  for (const name of SECRET_SETTINGS) delete merged[name];
  return merged;
}

/**
 * The broker options of a foreign project: its own `moleculer.config`, else Moleculer's defaults. A function is called,
 * as Moleculer's runner does. Nothing for Azora itself.
 */
export async function loadProjectConfig(project: ProjectInfo): Promise<BrokerOptions | undefined> {
  if (!project.foreign) return undefined;
  if (!project.config) return {};
  if (project.config.endsWith(".json")) return JSON.parse(readFileSync(project.config, "utf8"));
  const exported = await importService(project.config, 0, project.root);
  const config = typeof exported === "function" ? await (exported as () => unknown)() : exported;
  if (typeof config !== "object" || config === null) throw new TypeError(`${project.config} exports no configuration`);
  return config as BrokerOptions;
}
