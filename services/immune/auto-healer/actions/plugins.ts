import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Validators } from "moleculer";
import { ACTION_TYPES, FAILURES, type Failure, type HealingTarget } from "../../../../models/healing.ts";
import {
  DEFAULT_COOLDOWN_MS,
  DEFAULT_COST_MS,
  DEFAULT_TIMEOUT_MS,
  type HealingAction,
  type Outcome,
} from "./healing-action.ts";
import type { Call } from "./own-actions.ts";

/** What a plug-in is given. */
export interface PluginContext {
  id: string;
  target: HealingTarget;
  parameters: Record<string, unknown>;
  /** Is aborted when the time is over. */
  signal: AbortSignal;
  call: Call;
  logger: { info(...args: unknown[]): void; warn(...args: unknown[]): void; error(...args: unknown[]): void };
}

/** What a file `*.healing.{ts,js,mjs}` exports by default. */
export interface HealingPlugin {
  /** Small letters, digits and `-`. */
  type: string;
  description: string;
  /** fastest-validator rules. @default every parameter is refused */
  params?: Record<string, unknown>;
  /** ms @default 30_000 */
  timeout?: number;
  /** ms @default 60_000 */
  cooldown?: number;
  /** Failures for which it is a remedy by itself. @default none: only when it is asked for */
  failures?: Failure[];
  /** Lost time, ms. @default 1000 */
  cost?: number;
  /** The state in words; called before and after. */
  observe(context: PluginContext): string | Promise<string>;
  /** Has to say whether it saw the wanted state. */
  run(context: PluginContext): Promise<{ success: boolean; reason?: string }> | { success: boolean; reason?: string };
}

export interface LoadedPlugins {
  actions: HealingAction[];
  /** One sentence for each file that is not used. */
  problems: string[];
}

const FILE = /\.healing\.(ts|js|mjs)$/;
const TYPE = /^[a-z][a-z0-9-]{0,39}$/;
const MOST_PLUGINS = 100;
const LONGEST_LOAD_MS = 5000;

/** Loads every plug-in of a folder. A bad file is reported and breaks nothing; a folder that is not there is empty. */
export async function loadPlugins(
  folder: string,
  tools: Pick<PluginContext, "call" | "logger">,
): Promise<LoadedPlugins> {
  const loaded: LoadedPlugins = { actions: [], problems: [] };
  const files = filesOf(folder);
  if (files.length > MOST_PLUGINS)
    loaded.problems.push(`only the first ${MOST_PLUGINS} of ${files.length} files are loaded`);
  for (const file of files.slice(0, MOST_PLUGINS)) {
    try {
      const path = join(folder, file);
      // A restarted healer sees what was changed.
      const url = `${pathToFileURL(path).href}?changed=${statSync(path).mtimeMs}`;
      const exported = await soon(import(url), file);
      const plugin = (exported as { default?: unknown }).default;
      const problem = problemOf(plugin) ?? taken((plugin as HealingPlugin).type, loaded.actions);
      if (problem) loaded.problems.push(`${file}: ${problem}`);
      else loaded.actions.push(actionOf(plugin as HealingPlugin, tools));
    } catch (error) {
      loaded.problems.push(`${file} cannot be loaded: ${(error as Error)?.message ?? error}`);
    }
  }
  return loaded;
}

function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => FILE.test(name))
      .sort();
  } catch {
    return [];
  }
}

async function soon<T>(loading: Promise<T>, file: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${file} was not loaded within ${LONGEST_LOAD_MS} ms`)), LONGEST_LOAD_MS);
  });
  return Promise.race([loading, late]).finally(() => clearTimeout(timer));
}

/** Names the first wrong member, its value and what is allowed. */
export function problemOf(plugin: unknown): string | undefined {
  if (typeof plugin !== "object" || plugin === null) {
    return `its default export is ${plugin === undefined ? "missing" : typeof plugin}, but must be an object with type, description, observe and run`;
  }
  const { type, description, params, timeout, cooldown, failures, cost, observe, run } = plugin as Record<
    string,
    unknown
  >;
  const wrong = (field: string, value: unknown, allowed: string) =>
    `${field} is ${typeof value === "function" ? "a function" : (JSON.stringify(value) ?? "missing")}, but must be ${allowed}`;
  if (typeof type !== "string" || !TYPE.test(type))
    return wrong("type", type, "small letters, digits and -, 1 to 40 characters");
  if (typeof description !== "string" || description === "") return wrong("description", description, "a text");
  if (params !== undefined && (typeof params !== "object" || params === null))
    return wrong("params", params, "validation rules");
  const rules = params === undefined ? undefined : problemOfRules(params);
  if (rules) return wrong("params", params, `fastest-validator rules (${rules})`);
  if (timeout !== undefined && !within(timeout, 1, 600_000)) return wrong("timeout", timeout, "ms from 1 to 600000");
  if (cooldown !== undefined && !within(cooldown, 0, 86_400_000))
    return wrong("cooldown", cooldown, "ms from 0 to 86400000");
  if (cost !== undefined && !within(cost, 0, 86_400_000)) return wrong("cost", cost, "ms from 0 to 86400000");
  const known = (one: unknown) => FAILURES.includes(one as Failure);
  if (failures !== undefined && !(Array.isArray(failures) && failures.every(known))) {
    return wrong("failures", failures, `a list of ${FAILURES.join(", ")}`);
  }
  if (typeof observe !== "function") return wrong("observe", observe, "a function");
  if (typeof run !== "function") return wrong("run", run, "a function");
  return undefined;
}

function problemOfRules(params: object): string | undefined {
  try {
    new Validators.Fastest().compile({ ...params, $$strict: true } as never);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function taken(type: string, actions: readonly HealingAction[]): string | undefined {
  const builtIn = (ACTION_TYPES as readonly string[]).includes(type);
  if (builtIn) return `type is "${type}", which is built in`;
  return actions.some((one) => one.type === type) ? `type is "${type}", which another file has already` : undefined;
}

const within = (value: unknown, min: number, max: number) => typeof value === "number" && value >= min && value <= max;

function actionOf(plugin: HealingPlugin, tools: Pick<PluginContext, "call" | "logger">): HealingAction {
  return {
    type: plugin.type,
    origin: "plug-in",
    description: plugin.description,
    parameters: plugin.params ?? {},
    timeout: plugin.timeout ?? DEFAULT_TIMEOUT_MS,
    cooldown: plugin.cooldown ?? DEFAULT_COOLDOWN_MS,
    failures: plugin.failures ?? [],
    cost: plugin.cost ?? DEFAULT_COST_MS,
    journaled: false,
    async carryOut({ id, target, parameters }, signal): Promise<Outcome> {
      const context: PluginContext = { ...tools, id, target, parameters, signal };
      const before = String(await plugin.observe(context));
      const answer = await plugin.run(context);
      const after = String(await plugin.observe(context));
      const success = answer?.success === true;
      const silent =
        typeof answer?.success === "boolean" ? "it gave no reason" : "it did not say that it saw the wanted state";
      return { success, observed: { before, after }, reason: answer?.reason ?? silent };
    },
  };
}
