import { megabytes, percent } from "../figures.ts";
import type { Finding } from "./finding.ts";
import type { Limits } from "./limits.ts";

/** What a node has of things that run out. What is not known is left out. */
export interface Resources {
  heapUsed?: number | undefined;
  heapLimit?: number | undefined;
  files?: { open: number; limit: number } | undefined;
  disk?: { free: number; total: number } | undefined;
}

/** Everything of a node that has all but run out. */
export function exhausted(
  node: string,
  { heapUsed, heapLimit, files, disk }: Resources,
  limits: Limits["exhausted"],
): Finding[] {
  const found: Finding[] = [];
  const add = (resource: "heap" | "files" | "disk", sentence: string, heap?: number) =>
    found.push({
      failure: "resource exhausted",
      target: { node },
      severity: "failure",
      evidence: [sentence],
      signs: { resource, ...(heap === undefined ? {} : { heap }) },
    });
  if (heapUsed && heapLimit && heapUsed >= limits.share * heapLimit) {
    const share = heapUsed / heapLimit;
    add("heap", `The heap is ${percent(share)} full: ${megabytes(heapUsed)} of ${megabytes(heapLimit)}.`, share);
  }
  if (files && files.limit > 0 && files.open >= limits.share * files.limit) {
    add("files", `${files.open} of ${files.limit} file descriptors are open.`);
  }
  if (disk && disk.total > 0) {
    // 2 % of a large disk is room for a long time.
    const little = disk.free < limits.diskShare * disk.total && disk.free < limits.diskSmall;
    if (little || disk.free < limits.diskBytes) {
      add("disk", `The disk of the data folder has ${megabytes(disk.free)} left of ${megabytes(disk.total)}.`);
    }
  }
  return found;
}
