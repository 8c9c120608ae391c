import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { AlertFault } from "../../../models/alerts.ts";
import { type CheckedAlerts, checkAlerts, listOf } from "../../../runtime/alerts/check-alerts.ts";
import { alertFault } from "../../../runtime/alerts/definition-views.ts";
import { type EffectiveAlert, effectiveAlerts } from "../../../runtime/alerts/effective-alerts.ts";
import { CommandError, UsageError } from "../../command.ts";

/** The alerts of files and folders, unchecked. */
export function readAlerts(paths: readonly string[]): unknown[] {
  return paths.flatMap(filesAt).flatMap((path) => {
    const content = parsed(path);
    return listOf(content) ?? [content];
  });
}

/** What the organism of a project would make of the folder `alerts`. */
export function alertsHere(folder = "alerts"): { alerts: EffectiveAlert[]; faults: AlertFault[] } {
  const files = existsSync(folder) ? filesAt(folder) : [];
  const read = files.map((path) => ({ file: path, ...checkedFile(path) }));
  const found = read.flatMap(({ file, alerts }) => alerts.map((one) => ({ one, file })));
  const { alerts, faults } = effectiveAlerts(found);
  const own = read.flatMap(({ file, faults: of }) => of.map((fault) => ({ ...fault, file })));
  return { alerts, faults: [...own, ...faults].map(alertFault) };
}

function checkedFile(path: string): CheckedAlerts {
  try {
    return checkAlerts(parsed(path));
  } catch (error) {
    return { alerts: [], faults: [{ rule: "", path: "", detail: (error as Error).message }] };
  }
}

/** As the engine reads a folder. */
function filesAt(path: string): string[] {
  if (!existsSync(path)) throw new UsageError(`there is nothing at ${resolve(path)}`);
  if (!statSync(path).isDirectory()) return [path];
  const names = readdirSync(path).filter(
    (name) => name.endsWith(".json") && !name.endsWith(".test.json") && !name.startsWith("."),
  );
  return names.sort().map((name) => join(path, name));
}

function parsed(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8").replace(/^\uFEFF/, ""));
  } catch (error) {
    throw new CommandError(`${path} cannot be read: ${(error as Error).message}`);
  }
}
