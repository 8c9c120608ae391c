/**
 * `npm run soak`: one hundred random kills, three hundred kills of the audit log's writer, the storm suite of chaos-monkey (twenty minutes), and heavy load without any
 * fault (thirty minutes). `npm run soak -- kills` and so on run one of them. Ends with exit code 0 if each has.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const ALL = ["kills", "chain", "storm", "calm"];
const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !ALL.includes(name));
if (unknown !== undefined) {
  console.error(`soak: there is no ${unknown}; there are ${ALL.join(", ")}`);
  process.exit(2);
}
let failed = false;
for (const name of wanted.length > 0 ? wanted : ALL) {
  console.log(`--- ${name}`);
  const { status } = spawnSync(process.execPath, [...process.execArgv, join(import.meta.dirname, `${name}.ts`)], {
    stdio: "inherit",
  });
  failed ||= status !== 0;
}
process.exit(failed ? 1 : 0);
