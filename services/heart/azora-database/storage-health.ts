import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export type Status = "healthy" | "degraded" | "unhealthy";

export interface Check {
  status: Status;
  [fact: string]: unknown;
}

export interface DiskLimits {
  /** Less free space than this is degraded, bytes. */
  degradedBelow: number;
  /** Less free space than this is unhealthy, bytes. */
  unhealthyBelow: number;
}

/** Writes and removes a small file: permissions, a read-only mount and a full disk all show. */
export function checkFolder(folder: string, who: string): Check {
  const probe = join(folder, `.writable-${who}-${process.pid}`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(probe, "x");
    rmSync(probe);
    return { status: "healthy", folder };
  } catch (error) {
    return { status: "unhealthy", folder, why: `the folder cannot be written: ${(error as Error).message}` };
  }
}

export function checkDisk(folder: string, limits: DiskLimits): Check {
  try {
    const { bavail, bsize } = statfsSync(folder);
    const freeBytes = bavail * bsize;
    if (freeBytes >= limits.degradedBelow) return { status: "healthy", freeBytes };
    const status = freeBytes < limits.unhealthyBelow ? "unhealthy" : "degraded";
    return { status, freeBytes, why: `only ${Math.floor(freeBytes / 2 ** 20)} MiB are free` };
  } catch (error) {
    return { status: "unhealthy", why: (error as Error).message };
  }
}

export interface Integrity {
  checkedAt: string;
  files: { service: string; ok: boolean; problems: string[] }[];
}

/** What the last integrity check found; a file is not read through for every health poll. */
export function checkIntegrity(last: Integrity | undefined): Check {
  if (!last) return { status: "healthy", why: "not checked yet" };
  const damaged = last.files.filter(({ ok }) => !ok).map(({ service }) => service);
  if (damaged.length === 0) return { status: "healthy", checkedAt: last.checkedAt };
  return { status: "unhealthy", checkedAt: last.checkedAt, damaged, why: `damaged: ${damaged.join(", ")}` };
}

export function worst(checks: Record<string, Check>): Status {
  const statuses = Object.values(checks).map(({ status }) => status);
  return (["unhealthy", "degraded"] as const).find((status) => statuses.includes(status)) ?? "healthy";
}
