import { closeSync, openSync, rmSync, statfsSync, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { type HeapProfiler, Session } from "node:inspector/promises";
import { freemem } from "node:os";
import { getHeapStatistics, writeHeapSnapshot } from "node:v8";
import { type Clock, sleep, systemClock } from "../clock.ts";
import { AzoraError } from "../errors.ts";
import type { ProfileFiles, ProfileKind } from "./profile-files.ts";
import { type CpuProfile, type SelfTimes, selfTimes } from "./self-times.ts";

export interface ProfileResult {
  /** On the node's machine. */
  file: string;
  /** Of the file. */
  bytes: number;
}

export interface CpuProfileResult extends ProfileResult, SelfTimes {}

export interface HeapSnapshotResult extends ProfileResult {
  /** Used heap, bytes. */
  heapUsed: number;
  /** How long the event loop stood still, ms. */
  blocked: number;
}

export interface ProfilerOptions {
  files: ProfileFiles;
  /** Called before the event loop stands still for about so many ms. */
  willBlock?: (ms: number) => void;
  /** @default the system's */
  clock?: Clock;
  /** Of the machine, bytes. */
  freeMemory?: () => number;
  freeDisk?: (folder: string) => number;
  heapUsed?: () => number;
}

/** Between two samples, µs. V8's own default; it costs the profiled node a few per cent. */
const SAMPLE_EVERY = 1000;
/** Average bytes between two samples of the heap. V8's own default. */
const HEAP_SAMPLE_BYTES = 32_768;

/** Measured: snapshots took 20 to 60 ms for each MB, 2.3 GB of memory for 226 MB, and a file half as large again. */
const SNAPSHOT_MS_PER_MB = 60;
const SNAPSHOT_MEMORY = 10;
const SNAPSHOT_FILE = 2;
/** Who is silent for longer is given up by nodes on other machines: their heartbeat's time-out is 15 s. */
export const LONGEST_BLOCK_MS = 12_000;
const MB = 2 ** 20;

/** Profiles this process from inside. One thing at a time: two would measure each other. */
export class Profiler {
  readonly #options: Required<ProfilerOptions>;
  #running: string | undefined;

  constructor(options: ProfilerOptions) {
    this.#options = {
      willBlock: () => {},
      clock: systemClock,
      freeMemory: freemem,
      freeDisk,
      heapUsed: () => getHeapStatistics().used_heap_size,
      ...options,
    };
  }

  /** Where the main thread spends its processor time. Worker threads are not seen. */
  async cpu(seconds: number): Promise<CpuProfileResult> {
    return this.#alone("a CPU profile", async (session) => {
      await session.post("Profiler.enable");
      await session.post("Profiler.setSamplingInterval", { interval: SAMPLE_EVERY });
      await session.post("Profiler.start");
      await sleep(this.#options.clock, seconds * 1000);
      const { profile } = await session.post("Profiler.stop");
      return { ...(await this.#keep("cpuprofile", profile)), ...selfTimes(profile as CpuProfile) };
    });
  }

  /** Which code allocates what stays alive meanwhile, by samples: costs little, and nothing stands still. */
  async allocations(seconds: number): Promise<ProfileResult> {
    return this.#alone("an allocation profile", async (session) => {
      await session.post("HeapProfiler.startSampling", { samplingInterval: HEAP_SAMPLE_BYTES });
      await sleep(this.#options.clock, seconds * 1000);
      const { profile } = (await session.post("HeapProfiler.stopSampling")) as HeapProfiler.StopSamplingReturnType;
      return this.#keep("heapprofile", profile);
    });
  }

  /**
   * Everything that is in memory, with who holds it. V8 can only make it while the program stands still, for about 60 ms
   * for each MB, and needs ten times that memory.
   * @throws AzoraError PROFILE_REFUSED where that would take too long, or too much
   */
  async heapSnapshot(): Promise<HeapSnapshotResult> {
    return this.#alone("a heap snapshot", async () => {
      const { files, clock, willBlock, heapUsed: used } = this.#options;
      const heapUsed = used();
      const file = files.next("heapsnapshot", clock.now());
      this.#refuseTooLarge(heapUsed);
      willBlock((heapUsed / MB) * SNAPSHOT_MS_PER_MB);
      // Lets the notice go out before everything stands still.
      await new Promise((resolve) => setImmediate(resolve));
      closeSync(openSync(file, "wx", 0o600));
      const start = performance.now();
      try {
        writeHeapSnapshot(file);
      } catch (error) {
        rmSync(file, { force: true });
        throw error;
      }
      const blocked = Math.round(performance.now() - start);
      files.prune();
      return { file, bytes: statSync(file).size, heapUsed, blocked };
    });
  }

  #refuseTooLarge(heapUsed: number): void {
    const { files, freeMemory, freeDisk: freeOf } = this.#options;
    const takes = (heapUsed / MB) * SNAPSHOT_MS_PER_MB;
    const instead = "An allocation profile (azora profile --allocations) shows what grows, and blocks nothing";
    if (takes > LONGEST_BLOCK_MS) {
      const why = `its heap of ${inMB(heapUsed)} would block the node for about ${Math.round(takes / 1000)} s, and more than ${LONGEST_BLOCK_MS / 1000} s are not taken`;
      throw refused(`No heap snapshot: ${why}. ${instead}`, { heapUsed, takes, allowed: LONGEST_BLOCK_MS });
    }
    const memory = { needed: heapUsed * SNAPSHOT_MEMORY, free: freeMemory() };
    const disk = { needed: heapUsed * SNAPSHOT_FILE, free: freeOf(files.folder) };
    for (const [what, { needed, free }] of Object.entries({ memory, disk })) {
      if (free >= needed) continue;
      const where = what === "disk" ? `on the disk of ${files.folder}` : "of memory";
      throw refused(`No heap snapshot: it needs ${inMB(needed)} ${where}, and ${inMB(free)} are free. ${instead}`, {
        [what]: { needed, free },
      });
    }
  }

  async #keep(kind: ProfileKind, profile: object): Promise<ProfileResult> {
    const { files, clock } = this.#options;
    const file = files.next(kind, clock.now());
    const text = JSON.stringify(profile);
    await writeFile(file, text, { mode: 0o600, flag: "wx" });
    files.prune();
    return { file, bytes: Buffer.byteLength(text) };
  }

  async #alone<T>(what: string, run: (session: Session) => Promise<T>): Promise<T> {
    if (this.#running) throw refused(`${this.#running} is under way on this node; try again when it is done`, {});
    this.#running = what;
    const session = new Session();
    try {
      session.connect();
      return await run(session);
    } finally {
      session.disconnect();
      this.#running = undefined;
    }
  }
}

function refused(detail: string, data: Record<string, unknown>): AzoraError {
  return new AzoraError("PROFILE_REFUSED", detail, data);
}

function freeDisk(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

const inMB = (bytes: number) => `${Math.round(bytes / MB)} MB`;
