/** Three hundred SIGKILLs of a process that writes the audit log (CHAIN_KILLS, CHAIN_SEED). Exit code 0 if nothing is lost or twice there. */
import { seeded } from "../../services/immune/chaos-monkey/random.ts";
import { LogBench } from "../support/audit-log.ts";
import { type Acknowledged, writeUntilKilled, wrongAfterKill } from "../support/killed-writer.ts";

const rounds = Number(process.env["CHAIN_KILLS"] ?? 300);
const random = seeded(Number(process.env["CHAIN_SEED"] ?? 1));
const bench = new LogBench();
const acknowledged: Acknowledged[] = [];
const failures: string[] = [];
for (let round = 0; round < rounds; round++) {
  acknowledged.push(...(await writeUntilKilled(bench.folder, round * 1_000_000, random() * 200)));
  for (const wrong of await wrongAfterKill(bench, acknowledged)) {
    failures.push(`round ${round}: ${wrong}`);
    console.error(failures.at(-1));
  }
  if (round % 20 === 19)
    console.log(
      `${round + 1} of ${rounds} kills, ${acknowledged.length} entries acknowledged, ${failures.length} wrong`,
    );
}
bench.remove();
process.exit(failures.length > 0 ? 1 : 0);
