/** Writes a journal while its process may write no larger file, then lifts that limit and writes one more record. */
import { execFileSync } from "node:child_process";
import { Journal } from "../../../services/nervous/master-orchestrator/journal.ts";

const journal = new Journal(process.argv[2]!);
const before = journal.failure ?? null;
const heal = (i: number) =>
  journal.append({
    type: "healing",
    record: {
      id: String(i),
      at: "2026-01-01T00:00:00.000Z",
      target: {},
      failure: "crashed",
      action: "none",
      attempt: 1,
      success: true,
      observed: { before: "", after: "" },
      duration: 0,
      // Characters of several bytes, so that some write ends in the middle of one.
      reason: `größer → ${i} ${"ü".repeat(40 + i)}`,
      detection: 0,
    },
  });
for (let i = 0; i < 39; i++) heal(i);
const full = journal.failure ?? null;
execFileSync("prlimit", [`--pid=${process.pid}`, "--fsize=unlimited"]);
heal(39);
const after = journal.failure ?? null;
journal.close();
console.log(JSON.stringify({ before, full, after }));
