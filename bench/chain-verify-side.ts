/** Verifies a log in a process of its own. Arguments: folder, threads. Prints entries, seconds and peak memory in MB. */
import { readFileSync } from "node:fs";
import { verifyFolder } from "../tlog/verify/verify-folder.ts";

const [folder, workers] = process.argv.slice(2) as [string, string];
const start = performance.now();
const { isValid, size, problems } = await verifyFolder(folder, { workers: Number(workers) });
if (!isValid) throw new Error(`the log is not valid: ${problems[0]?.where}: ${problems[0]?.why}`);
const seconds = (performance.now() - start) / 1000;
// Not `resourceUsage`, which begins with what the parent had.
const [, peak] = /VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))!;
console.log(JSON.stringify({ size, seconds, megabytes: Number(peak) / 1024 }));
