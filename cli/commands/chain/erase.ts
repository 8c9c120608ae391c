import { ApiClient } from "../../api-client.ts";
import { type Command, UsageError } from "../../command.ts";
import { megabytes } from "./sizes.ts";

export const erase: Command = {
  name: "erase",
  usage: "<subject> [reason]",
  summary: "destroys the key of a person's data, in every copy of the log; proofs still hold",
  arity: [1, 2],
  async run({ settings, args, options, out }) {
    const [subject, reason] = args as [string, string?];
    const body = { subject, ...(reason === undefined ? {} : { reason }) };
    const answer = await new ApiClient(settings).post<{ index: number; subject: string }>("/api/chain/erase", body);
    if (options["json"]) out(JSON.stringify(answer));
    else
      out(
        `what the log holds about ${subject} can be read by nobody any more; entry ${answer.index} says so of ${answer.subject}`,
      );
    return 0;
  },
};

export const prune: Command = {
  name: "prune",
  usage: "<entry number>",
  summary: "removes the payload of the entries before this one; hashes and proofs stay",
  arity: [1, 1],
  async run({ settings, args, options, out }) {
    const [before] = args as [string];
    if (!/^\d{1,16}$/.test(before))
      throw new UsageError(`entry number is "${before}", but must be a whole number from 0`);
    const answer = await new ApiClient(settings).post<{ before: number; files: number; bytes: number }>(
      "/api/chain/prune",
      { before: Number(before) },
    );
    if (options["json"]) out(JSON.stringify(answer));
    else if (answer.files === 0) out("nothing was there to remove; payload goes in files of 256 entries");
    else out(`payload before entry ${answer.before} is gone: ${answer.files} files, ${megabytes(answer.bytes)} freed`);
    return 0;
  },
};
