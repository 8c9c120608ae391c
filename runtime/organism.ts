import { hash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Plan } from "./discovery/plan.ts";
import { replaceFile } from "./durable-file.ts";

/** Paths and facts that all processes of one organism share. */
export interface Organism {
  namespace: string;
  dataDir: string;
  logDir: string;
  /** Sockets and what lives only as long as the organism; mode 0700. */
  runFolder: string;
  /** Restart services whose files change. */
  dev: boolean;
}

/** A Unix socket's path may have 107 bytes; a node's name takes up to 60 of them. */
const LONGEST_RUN_FOLDER = 107 - 60;

/** `data/run`, or a short folder under the temporary one where that path is too long for sockets. */
export function runFolderOf(dataDir: string): string {
  const folder = join(dataDir, "run");
  if (Buffer.byteLength(folder) <= LONGEST_RUN_FOLDER) return folder;
  return join(tmpdir(), `azora-${process.getuid?.() ?? 0}-${hash("sha256", dataDir).slice(0, 12)}`);
}

/** The lock of which there is one spine. */
export const spineLock = (runFolder: string) => join(runFolder, "spine.lock");

const planPath = (dataDir: string) => join(dataDir, "orchestrator", "plan.json");
const organismPath = (dataDir: string) => join(dataDir, "orchestrator", "organism.json");

/** The plan that was agreed on when the organism was started or reloaded last. */
export function readPlan(dataDir: string): Plan {
  return JSON.parse(readFileSync(planPath(dataDir), "utf8"));
}

export function writePlan(dataDir: string, plan: Plan): void {
  replaceFile(planPath(dataDir), JSON.stringify(plan), 0o640);
}

export function readOrganism(dataDir: string): Organism | undefined {
  return existsSync(organismPath(dataDir)) ? JSON.parse(readFileSync(organismPath(dataDir), "utf8")) : undefined;
}

export function writeOrganism(organism: Organism): void {
  mkdirSync(organism.runFolder, { recursive: true, mode: 0o700 });
  replaceFile(organismPath(organism.dataDir), JSON.stringify(organism), 0o640);
}
