import { ApiClient } from "../../api-client.ts";
import { type Command, UsageError } from "../../command.ts";
import { paint } from "../../paint.ts";
import { table } from "../../table.ts";

interface Capture {
  off: boolean;
  /** Those that were added. */
  events: string[];
  rules: { event: string; grade: string; changesOf?: string; subject?: string; actor?: string }[];
}

export const capture: Command = {
  name: "capture",
  usage: "[on | off]",
  summary: "shows which events are recorded, adds some, or switches recording off and on",
  options: {
    add: { type: "string", describe: "record these too: order.**,page.seen=best-effort" },
    remove: { type: "string", describe: "of those that were added: record them no longer" },
  },
  arity: [0, 1],
  async run({ settings, args, options, out }) {
    const [to] = args;
    if (to !== undefined && to !== "on" && to !== "off")
      throw new UsageError(`usage: azora chain capture ${capture.usage}`);
    const [events, without] = [listOf(options["add"]), listOf(options["remove"])];
    const answer = await new ApiClient(settings).post<Capture>("/api/chain/captured", {
      ...(to === undefined ? {} : { off: to === "off" }),
      ...(events ? { events } : {}),
      ...(without ? { without } : {}),
    });
    out(options["json"] ? JSON.stringify(answer) : captureText(answer));
    return 0;
  },
};

function captureText({ off, rules }: Capture): string {
  const columns = ["event", "grade", "recorded", "about", "by"].map((title) => ({ title }));
  const rows = rules.map(({ event, grade, changesOf, subject, actor }) => [
    event,
    grade,
    changesOf ? `changes of ${changesOf}` : "all",
    subject ?? "-",
    actor ?? "-",
  ]);
  const state = off ? `${paint("yellow", "capture is off, and that is on record: no event is recorded")}\n` : "";
  return state + table(columns, rows);
}

function listOf(option: string | boolean | undefined): string[] | undefined {
  return option === undefined ? undefined : String(option).split(",").filter(Boolean);
}
