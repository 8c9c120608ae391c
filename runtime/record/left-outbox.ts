import { readdirSync, rmdirSync, statSync } from "node:fs";
import { unlink } from "node:fs/promises";
import { join } from "node:path";
import { lockHolder, takeLock } from "../lock.ts";
import type { OutboxFiles } from "./files.ts";
import type { PendingRecord, RecordSource } from "./record.ts";
import { firstOf, Segment } from "./segment.ts";

/** Outboxes of this process: its own and those that it has taken over. Several brokers may live in one process. */
const ours = new Set<string>();

export const lockOf = (folder: string, instance: string) => join(folder, `${instance}.lock`);

/** Calls the outbox of one incarnation this process's own until the process ends. Returns false while another holds it. */
export function claimOutbox(folder: string, instance: string): boolean {
  const lock = lockOf(folder, instance);
  if (ours.has(lock) || !takeLock(lock)) return false;
  ours.add(lock);
  return true;
}

/** Gives up what was claimed; whoever looks next may take it over. */
export async function releaseOutbox(folder: string, instance: string): Promise<void> {
  const lock = lockOf(folder, instance);
  if (!ours.delete(lock)) return;
  await unlink(lock).catch(() => {});
  removeIfEmpty(folder);
}

/** Incarnations in `data/outbox` that left something and whose process is gone, as far as that can be seen without a lock. */
export function abandonedOutboxes(outboxes: string): { folder: string; node: string; instance: string }[] {
  return names(outboxes).flatMap((node) => {
    const folder = join(outboxes, node);
    const instances = new Set(
      names(folder).flatMap((name) => /^([\w-]+)\.(?:\d+\.outbox|lock)$/.exec(name)?.[1] ?? []),
    );
    return [...instances]
      .filter((instance) => !ours.has(lockOf(folder, instance)) && !lockHolder(lockOf(folder, instance)))
      .map((instance) => ({ folder, node, instance }));
  });
}

/** What an incarnation that is gone has recorded and nobody has delivered. To be made by whoever has claimed it. */
export class LeftOutbox implements RecordSource {
  readonly folder: string;
  readonly instance: string;
  readonly #segments: Segment[];
  readonly #reading: { files: OutboxFiles; damaged(path: string, why: string): void };

  constructor(
    folder: string,
    instance: string,
    reading: { files: OutboxFiles; damaged(path: string, why: string): void },
  ) {
    this.folder = folder;
    this.instance = instance;
    this.#reading = reading;
    this.#segments = names(folder)
      .filter((name) => name.startsWith(`${instance}.`) && name.endsWith(".outbox"))
      .sort()
      .map((name) => new Segment(join(folder, name), statSync(join(folder, name)).size));
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { size }) => sum + size, 0);
  }

  next(count: number): Promise<PendingRecord[]> {
    return firstOf(this.#segments, count, this.#reading);
  }

  settle(): void {
    for (const segment of this.#segments) segment.settle();
  }

  /** Removes the files of which nothing is needed any longer. Returns whether that were all. */
  async tidy(): Promise<boolean> {
    for (const segment of this.#segments.filter(({ isSettled }) => isSettled)) {
      await this.#reading.files.remove(segment.path).catch(() => {});
      this.#segments.splice(this.#segments.indexOf(segment), 1);
    }
    return this.#segments.length === 0;
  }
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // somebody else's files are in it
  }
}
