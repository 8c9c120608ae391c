import { ApiClient } from "../../api-client.ts";
import type { Command } from "../../command.ts";
import { paint } from "../../paint.ts";
import { type EntryPage, entryTable } from "./entries.ts";
import { FILTER, filterOf, wholeNumber } from "./entry-filter.ts";

export const query: Command = {
  name: "query",
  usage: "",
  summary: "finds entries by type, time, person, request, block or text",
  options: {
    ...FILTER,
    limit: { type: "string", short: "n", describe: "entries of a page, 1 to 1000 (100)" },
    after: { type: "string", describe: "the next page, as the last one named it" },
    oldest: { type: "boolean", describe: "the oldest first (the newest)" },
  },
  arity: [0, 0],
  async run({ settings, options, out }) {
    const search = filterOf(options);
    search.set("limit", String(wholeNumber("limit", (options["limit"] as string | undefined) ?? "100", 1, 1000)));
    search.set("order", options["oldest"] ? "asc" : "desc");
    if (options["after"] !== undefined) search.set("after", String(wholeNumber("after", String(options["after"]), 0)));
    const page = await new ApiClient(settings).get<EntryPage>(`/api/chain/entries?${search}`);
    if (options["json"]) out(JSON.stringify(page));
    else {
      out(page.entries.length === 0 ? `none of ${page.size} entries fits` : entryTable(page.entries));
      if (page.next !== undefined) out(paint("dim", `there may be more: --after ${page.next}`));
    }
    return 0;
  },
};
