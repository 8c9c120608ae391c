/** The command line. Exit codes: 0 done, 1 failed, 2 wrong usage. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { nearest } from "../runtime/nearest.ts";
import { PACKAGE_ROOT } from "../runtime/node-executable.ts";
import { readSettings, SettingsError } from "../runtime/settings.ts";
import { type Command, CommandError, UsageError } from "./command.ts";
import { chaos } from "./commands/chaos.ts";
import { release, reload, restart, start, stop } from "./commands/control.ts";
import { doctor } from "./commands/doctor.ts";
import { down } from "./commands/down.ts";
import { heal } from "./commands/heal.ts";
import { logs } from "./commands/logs.ts";
import { node } from "./commands/node.ts";
import { recover } from "./commands/recover.ts";
import { repl } from "./commands/repl.ts";
import { scale } from "./commands/scale.ts";
import { status } from "./commands/status.ts";
import { up } from "./commands/up.ts";
import { why } from "./commands/why.ts";
import { paint } from "./paint.ts";

const COMMANDS: Command[] = [
  up,
  down,
  status,
  logs,
  why,
  start,
  stop,
  restart,
  reload,
  release,
  heal,
  recover,
  scale,
  node,
  chaos,
  doctor,
  repl,
];
const LAST_WORDS_MS = 2000;
const GENERAL = {
  json: { type: "boolean", describe: "print JSON" },
  help: { type: "boolean", short: "h", describe: "show this help" },
} as const;

// Whoever reads our output may stop reading: that is no failure of ours.
process.stdout.on("error", () => {});
const code = await main(process.argv.slice(2));
// What was printed last may still be on its way to a slow reader; one that reads no more is not waited for.
setTimeout(() => process.exit(code), LAST_WORDS_MS);
process.stdout.write("", () => process.exit(code));

async function main(argv: string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    console.log(help());
    return name === undefined ? 2 : 0;
  }
  if (name === "--version" || name === "-v") {
    console.log(JSON.parse(readFileSync(join(PACKAGE_ROOT, "package.json"), "utf8")).version);
    return 0;
  }
  const command = COMMANDS.find((one) => one.name === name);
  if (!command) {
    const meant = nearest(
      name,
      COMMANDS.map((one) => one.name),
    );
    console.error(`azora: there is no command ${name}${meant ? `; did you mean ${meant}?` : ""}\n\n${help()}`);
    return 2;
  }
  try {
    const options = { ...GENERAL, ...command.options };
    const { values, positionals } = parse(options, rest);
    if (values["help"]) {
      console.log(commandHelp(command));
      return 0;
    }
    const [least, most] = command.arity;
    if (positionals.length < least || positionals.length > most)
      throw new UsageError(`usage: azora ${command.name} ${command.usage}`);
    const settings = readSettings();
    return await command.run({ settings, args: positionals, options: values, out: (text) => console.log(text) });
  } catch (error) {
    return fail(error);
  }
}

function parse(options: Record<string, { type: "string" | "boolean"; short?: string }>, args: string[]) {
  const known = Object.fromEntries(
    Object.entries(options).map(([key, { type, short }]) => [key, { type, ...(short ? { short } : {}) }]),
  );
  try {
    return parseArgs({ args, options: known, allowPositionals: true, strict: true }) as {
      values: Record<string, string | boolean>;
      positionals: string[];
    };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function fail(error: unknown): number {
  if (error instanceof UsageError) {
    console.error(`azora: ${error.message}`);
    return 2;
  }
  if (error instanceof SettingsError) {
    for (const problem of error.problems) console.error(`azora: ${problem}`);
    return 2;
  }
  if (error instanceof CommandError) console.error(`azora: ${error.message}`);
  else console.error(`azora: ${(error as Error).stack}`);
  return 1;
}

function help(): string {
  const width = Math.max(...COMMANDS.map(({ name, usage }) => `${name} ${usage}`.length));
  const lines = COMMANDS.map(
    ({ name, usage, summary }) => `  ${`${name} ${usage}`.padEnd(width)}  ${paint("dim", summary)}`,
  );
  return `${paint("bold", "azora")} runs a folder of services as one living organism\n\n${lines.join("\n")}\n\n  --json on everything that prints a table, --help on every command`;
}

function commandHelp(command: Command): string {
  const options = Object.entries({ ...command.options, ...GENERAL }).map(([name, option]) => {
    const { short, describe } = option as { short?: string; describe: string };
    return `  ${`--${name}${short ? `, -${short}` : ""}`.padEnd(20)} ${describe}`;
  });
  return `azora ${command.name} ${command.usage}\n\n${command.summary}\n\n${options.join("\n")}`;
}
