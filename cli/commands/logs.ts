import { ApiClient } from "../api-client.ts";
import { type Command, UsageError } from "../command.ts";
import { paint, type Style } from "../paint.ts";

interface LogLine {
  time: string;
  level: string;
  node: string;
  source: string;
  message: string;
  requestId?: string;
  error?: { message: string; stack?: string };
  fields?: Record<string, unknown>;
}

const FOLLOW_MS = 500;
const LEVEL_STYLE: Record<string, Style> = { warn: "yellow", error: "red", fatal: "red", debug: "gray", trace: "gray" };

export const logs: Command = {
  name: "logs",
  usage: "[node|service|program]",
  summary: "shows the newest log lines",
  options: {
    follow: { type: "boolean", short: "f", describe: "go on with what comes" },
    lines: { type: "string", short: "n", describe: "how many lines (200)" },
    request: { type: "string", short: "r", describe: "only lines of this request id" },
    level: { type: "string", short: "l", describe: "least level: debug, info, warn, error" },
  },
  arity: [0, 1],
  async run({ settings, args, options, out }) {
    const client = new ApiClient(settings);
    const lines = (options["lines"] as string | undefined) ?? "200";
    if (!/^\d+$/.test(lines)) throw new UsageError(`--lines is "${lines}", but must be a whole number`);
    const query = new URLSearchParams({ lines });
    if (args[0]) query.set("name", args[0]);
    if (options["request"]) query.set("requestId", String(options["request"]));
    if (options["level"]) query.set("level", String(options["level"]));
    let seen = new Set<string>();
    for (;;) {
      const found = (await client.get<LogLine[]>(`/orchestrator/logs?${query}`)).map((line) => ({
        line,
        key: JSON.stringify(line),
      }));
      for (const { line, key } of found) if (!seen.has(key)) out(options["json"] ? key : render(line));
      seen = new Set(found.map(({ key }) => key));
      if (found.length === 0 && !options["follow"] && !options["json"]) out("no log line fits");
      if (!options["follow"]) return 0;
      await new Promise((resolve) => setTimeout(resolve, FOLLOW_MS));
    }
  },
};

function render({ time, level, node, source, message, requestId, error, fields }: LogLine): string {
  const where = source && source !== node ? `${node}/${source}` : node;
  const more = fields ? paint("dim", ` ${JSON.stringify(fields)}`) : "";
  const request = requestId ? paint("dim", ` [${requestId}]`) : "";
  const text = `${paint("dim", time.slice(11, 23))} ${paint(LEVEL_STYLE[level] ?? "green", level.padEnd(5))} ${paint("cyan", where)} ${message}${more}${request}`;
  return error ? `${text}\n${paint("red", error.stack ?? error.message)}` : text;
}
