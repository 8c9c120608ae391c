/** Fills a small file system, tries to write to it, undoes, and writes again. Prints what came of each as JSON. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DiskFiller } from "../../../runtime/faults/disk-filler.ts";

const folder = process.argv[2]!;
const write = () => {
  try {
    writeFileSync(join(folder, "other.txt"), "x".repeat(100_000), { flush: true });
    return "written";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
};
const filler = new DiskFiller(folder, "heart-1", 0, 2048);
await filler.done;
const { writtenMB, ended } = filler;
const whileFull = write();
await filler.undo();
console.log(JSON.stringify({ writtenMB: Math.round(writtenMB), ended, whileFull, after: write() }));
