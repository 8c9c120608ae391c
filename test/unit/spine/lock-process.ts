/** Races for many locks: at the given moments, one after the other. Prints which it got, and lives until its input ends. */
import { takeLock } from "../../../runtime/lock.ts";

const [folder, rounds, start, every] = process.argv.slice(2) as [string, string, string, string];
const got: number[] = [];
for (let round = 0; round < Number(rounds); round++) {
  while (Date.now() < Number(start) + round * Number(every));
  if (takeLock(`${folder}/${round}.lock`)) got.push(round);
}
console.log(JSON.stringify(got));
process.stdin.resume();
