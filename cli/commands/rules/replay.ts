import { readFileSync } from "node:fs";
import type { Stretch } from "../../../models/organism-state.ts";
import type { ReplayReport } from "../../../models/replay-report.ts";
import { checkRules } from "../../../runtime/rules/check-rules.ts";
import { replay as replayHere } from "../../../runtime/rules/replay/replay.ts";
import { parseTime } from "../../../runtime/rules/rule-test/time-notation.ts";
import { ApiClient } from "../../api-client.ts";
import { type Command, CommandError, UsageError } from "../../command.ts";
import { paint } from "../../paint.ts";
import { moment } from "../optimizer/figures.ts";
import { readRules } from "./rule-files.ts";
import { conflictLines, MOUNT } from "./rule-words.ts";

const REPLAY_MS = 60_000;
const HOUR = 3_600_000;
/** Firings that are printed; `--json` has all. */
const PRINTED = 50;

export const replay: Command = {
  name: "replay",
  usage: "[file|folder] ...",
  summary:
    "says what rules would have done on the vitals that were recorded; without a file, those that the organism has",
  options: {
    since: { type: "string", describe: "how far back, as 30m; an hour if not given, up to a day (then by the minute)" },
    recorded: { type: "string", describe: "a file with an answer of /api/organism/history, in place of the organism" },
  },
  arity: [0, 100],
  async run({ settings, args, options, out }) {
    const rules = args.length > 0 ? readRules(args) : undefined;
    const report = options["recorded"]
      ? fromFile(String(options["recorded"]), rules)
      : await new ApiClient(settings).post<ReplayReport>(
          `${MOUNT}/rules/replay`,
          asked(rules, options["since"]),
          REPLAY_MS,
        );
    out(options["json"] ? JSON.stringify(report) : replayText(report));
    return 0;
  },
};

function asked(rules: unknown[] | undefined, since: unknown): object {
  const back = since === undefined ? HOUR : parseTime(since);
  if (back === undefined || back < 1000 || back > 24 * HOUR)
    throw new UsageError(`--since is "${since}", but must be a time from 1s to 1d, as 30m or 1h30m`);
  return { ...(rules ? { rules } : {}), from: Date.now() - back, step: back > HOUR ? 60_000 : 1000 };
}

function fromFile(path: string, input: unknown[] | undefined): ReplayReport {
  if (!input) throw new UsageError("--recorded needs the rules' file as well");
  const { rules, faults } = checkRules(input);
  if (faults.length > 0) throw new CommandError(faults.map(({ rule, detail }) => `${rule}: ${detail}`).join("\n"));
  return replayHere(readStretch(path), rules);
}

function readStretch(path: string): Stretch {
  try {
    const { step, columns, rows } = JSON.parse(readFileSync(path, "utf8")) as Stretch;
    const isStretch = typeof step === "number" && Array.isArray(columns) && Array.isArray(rows);
    if (isStretch && rows.every(({ at, values }) => Number.isFinite(at) && Array.isArray(values)))
      return { step, columns: columns.map(String), rows };
  } catch (error) {
    throw new CommandError(`${path} cannot be read: ${(error as Error).message}`);
  }
  throw new CommandError(`${path} is no record of vitals: {step, columns, rows: [{at, values}]}`);
}

export function replayText({ firings, ended, conflicts, unknownShare, rows, from, to, dropped }: ReplayReport): string {
  if (from === null || to === null) return "nothing was recorded in that time";
  const unknown = unknownShare === 0 ? "all values known" : `${Math.ceil(unknownShare * 100)} % of the values unknown`;
  const span = `${iso(from)} to ${iso(to)} UTC, ${rows} moments, ${unknown}`;
  const shown = firings.slice(0, PRINTED).map(({ at, rule, why }) => `${iso(at)}  ${paint("bold", rule)}  ${why.why}`);
  const more = firings.length + dropped - shown.length;
  const counts = Map.groupBy(firings, ({ rule }) => rule);
  const told = [...counts].map(([rule, list]) => {
    const ends = ended.filter((one) => one.rule === rule).length;
    return `${rule} ${times(list.length)}, ended ${ends === 0 ? "never" : times(ends)}`;
  });
  return [
    paint("dim", span),
    ...shown,
    ...(more > 0 ? [paint("dim", `and ${more} more; --json has them`)] : []),
    ...conflictLines(conflicts),
    told.length > 0 ? `would have fired: ${told.join("; ")}` : "no rule would have fired",
  ].join("\n");
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

function iso(at: number): string {
  return moment(new Date(at).toISOString());
}
