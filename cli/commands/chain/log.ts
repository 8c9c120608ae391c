import { readFileSync } from "node:fs";
import { canonicalize } from "../../../tlog/canonical-json.ts";
import { ApiClient } from "../../api-client.ts";
import { type Command, UsageError } from "../../command.ts";

const STATES = ["durable", "integrated", "checkpointed", "witnessed"];

export const log: Command = {
  name: "log",
  usage: "<event type> [data as JSON | -]",
  summary: "writes an entry",
  options: {
    key: { type: "string", short: "k", describe: "idempotency key: the same key gives the same entry" },
    subject: { type: "string", short: "s", describe: "whom it is about; the data is then encrypted for that person" },
    actor: { type: "string", short: "a", describe: "who did it" },
    wait: { type: "string", short: "w", describe: `${STATES.join(", ")} (durable)` },
  },
  arity: [1, 2],
  async run({ settings, args, options, out }) {
    const [eventType, text = "{}"] = args as [string, string?];
    const waitFor = (options["wait"] as string | undefined) ?? "durable";
    if (!STATES.includes(waitFor))
      throw new UsageError(`--wait is "${waitFor}", but must be one of ${STATES.join(", ")}`);
    const { key, subject, actor } = options;
    const answer = await new ApiClient(settings).post<{
      id: string;
      index: number;
      state: string;
      duplicate?: boolean;
    }>("/api/chain/entries", {
      eventType,
      data: dataOf(text),
      waitFor,
      ...(key === undefined ? {} : { idempotencyKey: key }),
      ...(subject === undefined ? {} : { subject }),
      ...(actor === undefined ? {} : { actor }),
    });
    if (options["json"]) out(JSON.stringify(answer));
    else out(`entry ${answer.index} ${answer.id} ${answer.duplicate ? "was there already" : "is"} ${answer.state}`);
    return 0;
  },
};

function dataOf(text: string): object {
  const json = text === "-" ? readFileSync(0, "utf8") : text;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new UsageError(`the data is no JSON: ${(error as Error).message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new UsageError("the data must be a JSON object, as {}");
  try {
    // 1e999 is Infinity by now, and would be null in the log.
    canonicalize(value, "data");
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  return value;
}
