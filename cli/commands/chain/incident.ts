import type { IncidentFile, StoryLine } from "../../../tlog/incident/incident-file.ts";
import { ApiClient } from "../../api-client.ts";
import type { Command } from "../../command.ts";
import { paint } from "../../paint.ts";
import { writeNew } from "./proof.ts";

export const incident: Command = {
  name: "incident",
  usage: "<request id> [file.json]",
  summary: "tells the story of one request, as a file that can be checked anywhere",
  arity: [1, 2],
  async run({ settings, args, options, out }) {
    const [requestId, file] = args as [string, string?];
    const path = `/api/chain/incidents/${encodeURIComponent(requestId)}`;
    const found = await new ApiClient(settings).get<IncidentFile>(path);
    const text = `${JSON.stringify(found, null, 1)}\n`;
    if (file !== undefined) writeNew(file, text);
    if (options["json"]) out(JSON.stringify(found));
    else {
      out(storyText(found.story));
      if (file !== undefined) out(`\nwith its proofs it is in ${file}; "azora chain verify ${file}" checks it`);
    }
    return 0;
  },
};

/** One line for each entry; why it belongs there only where that is not the request itself. */
export function storyText(story: readonly StoryLine[]): string {
  const width = Math.max(...story.map(({ index }) => String(index).length));
  return story
    .map(({ index, at, words, because }) => {
      const why = because.startsWith("it carries") ? "" : paint("dim", ` (${because})`);
      return `${paint("dim", at.slice(11, 23))} ${paint("dim", String(index).padStart(width))} ${words}${why}`;
    })
    .join("\n");
}
