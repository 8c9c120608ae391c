import { ApiClient } from "../../api-client.ts";
import { type Command, UsageError } from "../../command.ts";
import { paint } from "../../paint.ts";
import { table } from "../../table.ts";

interface Capture {
  off: boolean;
  rules: { event: string; grade: string; changesOf?: string; subject?: string; actor?: string }[];
}

export const capture: Command = {
  name: "capture",
  usage: "[on | off]",
  summary: "shows which events are recorded, adds some, or switches recording off and on",
  options: {
    add: {
      type: "string",
      describe: "event names, as shop.order.**,page.seen=best-effort; durable where nothing follows",
    },
  },
  arity: [0, 1],
  async run({ settings, args, options, out }) {
    const [to] = args;
    if (to !== undefined && to !== "on" && to !== "off")
      throw new UsageError(`usage: azora chain capture ${capture.usage}`);
    const events = options["add"] === undefined ? undefined : String(options["add"]).split(",").filter(Boolean);
    const answer = await new ApiClient(settings).post<Capture>("/api/chain/captured", {
      ...(to === undefined ? {} : { off: to === "off" }),
      ...(events === undefined ? {} : { events }),
    });
    if (options["json"]) {
      out(JSON.stringify(answer));
      return 0;
    }
    if (answer.off) out(paint("yellow", "no event is recorded: capture is off, and that is on record"));
    const rows = answer.rules.map(({ event, grade, changesOf, subject, actor }) => [
      event,
      grade,
      changesOf ? `changes of ${changesOf}` : "all",
      subject ?? "-",
      actor ?? "-",
    ]);
    out(
      table([{ title: "event" }, { title: "grade" }, { title: "recorded" }, { title: "about" }, { title: "by" }], rows),
    );
    return 0;
  },
};
