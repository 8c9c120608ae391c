import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseLeaf } from "../../tlog/entry.ts";
import { leafHash } from "../../tlog/hashes.ts";
import { verifyFolder } from "../../tlog/verify/verify-folder.ts";
import type { LogBench } from "./audit-log.ts";

const WRITER = join(import.meta.dirname, "../fixtures/chain-writer.ts");

/** Lets a process write, and kills it after this time from its first word. Returns its whole lines: the last may be cut off. */
export async function linesUntilKilled(writer: string, folder: string, first: number, ms: number): Promise<string[]> {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", writer, folder, String(first)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const exited = once(child, "exit");
  await Promise.race([once(child.stdout, "data"), exited]);
  await sleep(ms);
  child.kill("SIGKILL");
  await exited;
  return output.split("\n").slice(0, -1);
}

export interface Acknowledged {
  key: string;
  index: number;
  hash: string;
}

/** Lets a process write a log, and kills it after this time from its first entry. Returns what it acknowledged. */
export async function writeUntilKilled(folder: string, first: number, ms: number): Promise<Acknowledged[]> {
  const lines = await linesUntilKilled(WRITER, folder, first, ms);
  return lines
    .map((line) => line.split("\t"))
    .map(([key, index, hash]) => ({ key: key!, index: Number(index), hash: hash! }));
}

/** Opens the log, and says what is wrong: an acknowledged entry that is gone or twice there, or a log that does not verify. */
export async function wrongAfterKill(bench: LogBench, acknowledged: readonly Acknowledged[]): Promise<string[]> {
  const wrong: string[] = [];
  const log = await bench.open();
  const { size } = log;
  const keys = new Map<unknown, number>();
  for (let index = 0; index < size; index++) {
    const { data, eventType } = parseLeaf(log.leaf(index)!.bytes);
    if (eventType !== "test.entry") continue;
    if (keys.has(data["key"])) wrong.push(`${data["key"]} stands at ${keys.get(data["key"])} and at ${index}`);
    keys.set(data["key"], index);
  }
  for (const { key, index, hash } of acknowledged) {
    if (keys.get(key) !== index) wrong.push(`${key} was acknowledged at ${index} and stands at ${keys.get(key)}`);
    else if (leafHash(log.leaf(index)!.bytes).toString("hex") !== hash) wrong.push(`${key} has another hash`);
  }
  await log.log("test.after", { size });
  await log.close();
  const { problems } = await verifyFolder(join(bench.folder, "chain"), { workers: 0 });
  return [...wrong, ...problems.map(({ where, why }) => `${where}: ${why}`)];
}
