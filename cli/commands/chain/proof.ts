import { writeFileSync } from "node:fs";
import { ApiClient } from "../../api-client.ts";
import { type Command, CommandError } from "../../command.ts";
import { entryPath } from "./show.ts";

export const proof: Command = {
  name: "proof",
  usage: "<entry id|entry number> [file.tlog-proof]",
  summary: "gives an entry with its proof, which can be checked anywhere",
  arity: [1, 2],
  async run({ settings, args, options, out }) {
    const [which, file] = args as [string, string?];
    const path = `/api/chain/entries/${entryPath(which)}/proof`;
    const answer = await new ApiClient(settings).get<{ bundle: string; index: number }>(path);
    if (options["json"]) out(JSON.stringify(answer));
    else if (file === undefined) out(answer.bundle.trimEnd());
    else {
      writeNew(file, answer.bundle);
      out(`entry ${answer.index} with its proof is in ${file}; "azora chain verify ${file}" checks it`);
    }
    return 0;
  },
};

/** @throws CommandError where it cannot be written, or stands there already */
export function writeNew(file: string, content: string): void {
  try {
    writeFileSync(file, content, { flag: "wx" });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CommandError(code === "EEXIST" ? `${file} is there already` : `${file} cannot be written: ${message}`);
  }
}
