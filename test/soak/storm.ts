/**
 * The storm suite on an organism of its own: faults drawn at random, each healed without a person or put out of the way
 * for the right reason, and nobody else restarted. `STORM_SEED` repeats a storm, `STORM_MINUTES` makes it shorter.
 */
import { cpSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { hasNats, ORGANS_FIXTURE, TestOrganism } from "../support/organism.ts";
import { writeFiles } from "../support/write-files.ts";

const SUITE = resolve(import.meta.dirname, "../../services/immune/chaos-monkey/suites/storm.json");
const seed = Number(process.env.STORM_SEED ?? Math.floor(Math.random() * 2 ** 31));
const minutes = process.env.STORM_MINUTES === undefined ? undefined : Number(process.env.STORM_MINUTES);
const bus: Record<string, string> = hasNats() ? {} : { AZORA_EVENT_BUS_URL: "mesh" };

interface Row {
  id: string;
  experiment: string;
  held: boolean | null;
}

const organism = await TestOrganism.create({ AZORA_CHAOS: "on", ...bus });
let failed = true;
try {
  const project = join(organism.folder, "project");
  cpSync(ORGANS_FIXTURE, project, { recursive: true });
  if (minutes !== undefined) {
    const suite = { ...JSON.parse(readFileSync(SUITE, "utf8")), duration: Math.round(minutes * 60_000) };
    writeFiles(project, { "chaos/storm.json": JSON.stringify(suite) });
  }
  await organism.up(project);
  await organism.untilHealthy();
  failed = (await storm()) !== 0;
  const { out } = await organism.cli("chaos", "report", "last", "--json");
  const { rows } = JSON.parse(out) as { rows: Row[] };
  for (const { id, held } of rows) if (!held) console.log((await organism.cli("chaos", "report", id)).out);
} catch (error) {
  console.error((error as Error).message);
} finally {
  await organism.down().catch((error: Error) => {
    console.error(error.message);
    failed = true;
  });
}
process.exit(failed ? 1 : 0);

/** The command itself, with its progress. It is begun again while the organism has not yet come to rest. */
async function storm(): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const child = organism.cliProcess("chaos", "run", "storm", "--seed", String(seed));
    let complaint = "";
    child.stdout.pipe(process.stdout, { end: false });
    child.stderr.on("data", (chunk: Buffer) => {
      complaint += chunk.toString();
    });
    const code = await new Promise<number>((done) => child.once("exit", (status) => done(status ?? 1)));
    const isTooSoon = complaint.includes("Nothing may be broken now");
    if (!isTooSoon || attempt >= 30) {
      if (complaint) console.error(complaint);
      return code;
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}
