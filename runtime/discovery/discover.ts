import { spawn } from "node:child_process";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { NODE_FLAGS, ownModule, PACKAGE_ROOT } from "../node-executable.ts";
import { assemble, type Candidate } from "./assemble.ts";
import { KeptProbe } from "./kept-probe.ts";
import type { Plan, Problem, ProjectInfo } from "./plan.ts";
import type { Probed, ProbeRequest } from "./probe.ts";
import { readProgramFile } from "./program-file.ts";
import { type ScannedFiles, scanFolder } from "./scan.ts";

export type Discovery = { plan: Plan; problems: [] } | { plan: undefined; problems: Problem[] };

export interface DiscoveryOptions {
  /** Environment in which the files are loaded. */
  env?: NodeJS.ProcessEnv;
  /** Time that one file may take to load, ms. @default 10_000 */
  fileTimeout?: number;
}

/** Reads every service of a project without starting one. Comes back with the plan, or with all that is wrong. */
export async function discover(project: ProjectInfo, options: DiscoveryOptions = {}): Promise<Discovery> {
  const groups = [{ files: scanFolder(project.services), root: project.root, foreign: project.foreign, beside: false }];
  if (project.foreign) {
    const services = join(PACKAGE_ROOT, "services");
    groups.push({ files: scanFolder(services), root: PACKAGE_ROOT, foreign: false, beside: true });
  }
  const problems: Problem[] = [];
  const candidates: Candidate[] = [];
  await Promise.all(
    groups.map(async ({ files, root, foreign, beside }) => {
      const probed = await (beside ? probeOwn : probe)({ files: files.services, root, foreign }, options);
      for (const one of probed)
        candidates.push({
          ...one,
          kind: "service",
          beside,
          folder: beside ? join(root, "services") : project.services,
        });
      collectPrograms(files, beside, project.services, candidates, problems);
    }),
  );
  return assemble(project, candidates, problems);
}

function collectPrograms(
  files: ScannedFiles,
  beside: boolean,
  folder: string,
  candidates: Candidate[],
  problems: Problem[],
): void {
  for (const file of files.programs) {
    const read = readProgramFile(file);
    if ("problems" in read)
      problems.push(...read.problems.map((problem) => ({ file: relative(folder, file), ...problem })));
    else {
      const { name, dependencies, metadata, program } = read.program;
      candidates.push({ kind: "program", beside, folder, file, name, fullName: name, dependencies, metadata, program });
    }
  }
}

/** Reads Azora's own services, unless that was done since its code was last changed. */
async function probeOwn(request: ProbeRequest, options: DiscoveryOptions): Promise<Probed[]> {
  const kept = new KeptProbe();
  const known = kept.read();
  if (known) return known;
  const probed = await probe(request, options);
  kept.keep(probed);
  return probed;
}

/** Runs the throw-away process. A file that hangs or kills it is reported, and the rest are read by another one. */
async function probe(request: ProbeRequest, options: DiscoveryOptions): Promise<Probed[]> {
  const found = new Map<string, Probed>();
  let files = request.files;
  while (files.length > 0) {
    const outcome = await probeOnce({ ...request, files }, options, found);
    if (outcome === undefined) break;
    found.set(outcome.file, outcome);
    files = files.slice(files.indexOf(outcome.file) + 1);
  }
  return [...found.values()];
}

/** Resolves with the file that stopped it, or with nothing when all are read. */
function probeOnce(
  request: ProbeRequest,
  options: DiscoveryOptions,
  found: Map<string, Probed>,
): Promise<Probed | undefined> {
  const { env = process.env, fileTimeout = 10_000 } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [...NODE_FLAGS, ownModule("runtime/discovery/probe"), JSON.stringify(request)],
      { cwd: request.root, env, stdio: ["ignore", "ignore", "pipe", "pipe"] },
    );
    let current = request.files[0]!;
    let complaint = "";
    let timedOut = false;
    let timer: NodeJS.Timeout;
    const watch = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        timedOut = true;
        child.kill("SIGKILL");
      }, fileTimeout);
    };
    watch();
    child.stderr!.on("data", (chunk) => {
      complaint = (complaint + chunk).slice(-2000);
    });
    const lines = createInterface({ input: child.stdio[3] as Readable });
    lines.on("line", (line) => {
      const probed = JSON.parse(line) as Probed;
      watch();
      if (probed.error === "") current = probed.file;
      else found.set(probed.file, probed);
    });
    child.on("error", reject);
    const closed = Promise.all([
      new Promise<number | null>((done) => child.on("close", done)),
      new Promise((done) => lines.on("close", done)),
    ]);
    void closed.then(([code]) => {
      clearTimeout(timer);
      if (code === 0 && request.files.every((file) => found.has(file))) resolve(undefined);
      else if (timedOut) resolve({ file: current, error: `did not finish loading within ${fileTimeout / 1000} s` });
      else
        resolve({
          file: current,
          error: `ends the process that loads it: ${complaint.trim().split("\n").pop() || `exit code ${code}`}`,
        });
    });
  });
}
