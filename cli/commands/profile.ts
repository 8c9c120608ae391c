import type { CpuProfileResult, HeapSnapshotResult, ProfileResult } from "../../runtime/profiling/profiler.ts";
import { ApiClient } from "../api-client.ts";
import { type Command, type CommandContext, UsageError } from "../command.ts";
import { paint } from "../paint.ts";
import { table } from "../table.ts";

/** Functions that are shown. */
const SHOWN = 15;

export const profile: Command = {
  name: "profile",
  usage: "<node>",
  summary: "shows what a node spends its time on, in a file that Chrome's tools open",
  options: {
    seconds: { type: "string", describe: "for how long, 1 to 60; 10 if not given" },
    allocations: { type: "boolean", describe: "who allocates what stays in memory, instead of processor time" },
    heap: { type: "boolean", describe: "everything that is in memory; the node stands still meanwhile" },
  },
  arity: [1, 1],
  async run(context) {
    const { options, args, settings, out } = context;
    const node = encodeURIComponent(args[0]!);
    const seconds = secondsOf(context);
    if (options["heap"] && (options["allocations"] || options["seconds"] !== undefined))
      throw new UsageError("--heap is a look at one moment: it goes with neither --seconds nor --allocations");
    const client = new ApiClient(settings);
    if (options["heap"])
      return show(context, await client.post<HeapSnapshotResult>(`/api/performance/heap/${node}`), heapLines);
    if (process.stdout.isTTY && !options["json"]) out(paint("dim", `${args[0]} is looked at for ${seconds} s …`));
    const kind = options["allocations"] ? "allocations" : "cpu";
    const result = await client.post<CpuProfileResult>(`/api/performance/profile/${node}`, { seconds, kind });
    return show(context, result, kind === "cpu" ? cpuLines : fileLines);
  },
};

function show<T>({ options, out }: CommandContext, result: T, lines: (result: T) => string[]): number {
  if (options["json"]) out(JSON.stringify(result));
  else for (const line of lines(result)) out(line);
  return 0;
}

/** A profile as a person reads it. */
export function cpuLines(result: CpuProfileResult): string[] {
  const { duration, idle, samples, top } = result;
  const busy = duration > 0 ? Math.round(((duration - idle) / duration) * 100) : 0;
  const rows = top
    .slice(0, SHOWN)
    .map(({ function: name, file, line, time, share }) => [
      `${(share * 100).toFixed(1)} %`,
      `${time} ms`,
      name,
      file === "" ? "" : `${short(file)}:${line}`,
    ]);
  const columns = [
    { title: "self", align: "right" as const },
    { title: "time", align: "right" as const },
    { title: "function" },
    { title: "where", flexible: true },
  ];
  return [
    `${samples} samples in ${duration} ms, busy for ${busy} % of them`,
    ...(rows.length > 0 ? [table(columns, rows)] : []),
    ...fileLines(result),
  ];
}

function heapLines(result: HeapSnapshotResult): string[] {
  const { heapUsed, blocked } = result;
  return [`${inUnits(heapUsed)} in use; the node stood still for ${blocked} ms`, ...fileLines(result)];
}

function fileLines({ file, bytes: size }: ProfileResult): string[] {
  return [
    `${file} (${inUnits(size)})`,
    paint("dim", "open it in Chrome: DevTools, then Performance or Memory, then Load profile"),
  ];
}

function secondsOf({ options }: CommandContext): number {
  const given = options["seconds"] as string | undefined;
  if (given === undefined) return 10;
  const seconds = Number(given);
  if (/^\d+$/.test(given) && seconds >= 1 && seconds <= 60) return seconds;
  throw new UsageError(`--seconds is "${given}", but must be a whole number from 1 to 60`);
}

function inUnits(size: number): string {
  return size < 1e6 ? `${Math.ceil(size / 1000)} kB` : `${Math.round(size / 1e6)} MB`;
}

/** What lies in a package is named by it: the way there says nothing. */
function short(file: string): string {
  const inPackage = file.lastIndexOf("/node_modules/");
  if (inPackage >= 0) return file.slice(inPackage + "/node_modules/".length);
  const folder = `${process.cwd()}/`;
  return file.startsWith(folder) ? file.slice(folder.length) : file;
}
