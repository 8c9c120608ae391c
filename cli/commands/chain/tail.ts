import { ApiClient } from "../../api-client.ts";
import type { Command } from "../../command.ts";
import { type EntryPage, entryLine, type ShownEntry } from "./entries.ts";
import { FILTER, filterOf, wholeNumber } from "./entry-filter.ts";

const FOLLOW_MS = 1000;
const { from: _from, to: _to, block: _block, ...NOW } = FILTER;

export const tail: Command = {
  name: "tail",
  usage: "",
  summary: "shows the newest entries, and goes on with what comes",
  options: {
    ...NOW,
    follow: { type: "boolean", short: "f", describe: "go on with what comes" },
    lines: { type: "string", short: "n", describe: "how many entries, 1 to 1000 (20)" },
  },
  arity: [0, 0],
  async run({ settings, options, out }) {
    const client = new ApiClient(settings);
    const limit = wholeNumber("lines", (options["lines"] as string | undefined) ?? "20", 1, 1000);
    const show = (entries: readonly ShownEntry[]) => {
      for (const entry of entries) out(options["json"] ? JSON.stringify(entry) : entryLine(entry));
    };
    const ask = (more: Record<string, string>) => {
      const search = filterOf(options);
      for (const [name, value] of Object.entries(more)) search.set(name, value);
      return client.get<EntryPage>(`/api/chain/entries?${search}`);
    };
    const newest = await ask({ order: "desc", limit: String(limit) });
    show(newest.entries.reverse());
    // What was looked at: everything up to the size that the answer was about.
    let seen = newest.size - 1;
    while (options["follow"]) {
      await new Promise((resolve) => setTimeout(resolve, FOLLOW_MS));
      for (let more = true; more; ) {
        const page: EntryPage = await ask({
          order: "asc",
          limit: "1000",
          ...(seen >= 0 ? { after: String(seen) } : {}),
        });
        show(page.entries);
        more = page.next !== undefined;
        seen = more ? Number(page.next) : Math.max(seen, page.entries.at(-1)?.index ?? seen);
      }
    }
    return 0;
  },
};
