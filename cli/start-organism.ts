import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeBus } from "../runtime/bus.ts";
import type { Plan } from "../runtime/discovery/plan.ts";
import { type Organism, readPlan, runFolderOf, writeOrganism, writePlan } from "../runtime/organism.ts";
import { listenerOf } from "../runtime/port-holder.ts";
import type { Settings } from "../runtime/settings.ts";
import { spawnSpine } from "../runtime/spawn-spine.ts";
import { CommandError } from "./command.ts";
import { clearFormerLife, runningPeers } from "./running.ts";

/** Starts the spine, which starts the rest. Takes over nodes that live without one. */
export async function startOrganism(settings: Settings, plan: Plan, dev: boolean): Promise<void> {
  const survivors = await runningPeers(settings);
  if (survivors.length === 0) {
    await refuseTakenPorts(settings, plan);
    clearFormerLife(settings, formerServices(settings) !== plan.project.services);
  }
  const organism: Organism = {
    namespace: settings.AZORA_NAMESPACE,
    dataDir: settings.AZORA_DATA_DIR,
    logDir: settings.AZORA_LOG_DIR,
    runFolder: runFolderOf(settings.AZORA_DATA_DIR),
    dev,
  };
  writeOrganism(organism);
  writePlan(settings.AZORA_DATA_DIR, plan);
  const url = settings.AZORA_EVENT_BUS_URL;
  if (url && survivors.length === 0)
    writeBus(organism.runFolder, url === "mesh" ? { kind: "mesh" } : { kind: "nats", url });
  const { AZORA_EVENT_BUS_URL: _secret, ...env } = process.env;
  // Folders absolute, so that every process means the same, whatever its working directory.
  await spawnSpine(organism, {
    ...env,
    AZORA_DATA_DIR: settings.AZORA_DATA_DIR,
    AZORA_LOG_DIR: settings.AZORA_LOG_DIR,
  });
}

function formerServices(settings: Settings): string | undefined {
  try {
    return readPlan(settings.AZORA_DATA_DIR).project.services;
  } catch {
    return undefined;
  }
}

async function refuseTakenPorts(settings: Settings, plan: Plan): Promise<void> {
  const needed: [keyof Settings, number][] = [["AZORA_ORCHESTRATOR_PORT", settings.AZORA_ORCHESTRATOR_PORT]];
  if (plan.services.some(({ name }) => name === "azora-api-gateway")) needed.push(["AZORA_PORT", settings.AZORA_PORT]);
  const problems: string[] = [];
  for (const [name, port] of needed) {
    const holder = await listenerOf(port);
    if (holder) problems.push(`port ${port} is taken by ${holder}; set ${name} to another one`);
  }
  if (problems.length > 0) throw new CommandError(problems.join("\nazora: "));
}

/** The last lines that the first processes wrote, for when the organism does not come up. */
export function lastWords(settings: Settings): string {
  return ["spine", "nervous-1"]
    .flatMap((name) => {
      const path = join(settings.AZORA_LOG_DIR, `${name}.log`);
      return existsSync(path) ? readFileSync(path, "utf8").trim().split("\n").slice(-3) : [];
    })
    .map((line) => {
      try {
        const { node, message, error } = JSON.parse(line);
        return `  ${node}: ${message}${error ? `: ${error.message}` : ""}`;
      } catch {
        return `  ${line}`;
      }
    })
    .join("\n");
}
