/** What a verification found to be wrong. */
export interface Problem {
  what: "entry" | "block" | "file" | "checkpoint" | "key" | "link" | "write-ahead file";
  /** `entry 17`, `block 3`, or a path in the log's folder. */
  where: string;
  why: string;
  /** Of the entry, where it is about one. */
  index?: number;
  /** Of the block, where it is about one. */
  height?: number;
  /** Path in the log's folder. */
  file?: string;
}

/** A long log may have more wrong with it than anybody reads. */
const KEPT = 100;

/** The first hundred problems, and the number of all. */
export class Problems {
  readonly list: Problem[] = [];
  count = 0;

  add(problem: Problem): void {
    this.count++;
    if (this.list.length < KEPT) this.list.push(problem);
  }

  /** Takes over what another list holds. */
  addAll({ list, count }: { list: readonly Problem[]; count: number }): void {
    for (const problem of list) this.add(problem);
    this.count += count - list.length;
  }

  entry(index: number, why: string, file?: string): void {
    this.add({ what: "entry", where: `entry ${index}`, why, index, ...(file ? { file } : {}) });
  }

  block(height: number, why: string): void {
    this.add({ what: "block", where: `block ${height}`, why, height });
  }

  file(file: string, why: string, index?: number): void {
    this.add({ what: "file", where: file, why, file, ...(index === undefined ? {} : { index }) });
  }
}
