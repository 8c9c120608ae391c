/** The command line. Exit codes: 0 done, 1 failed, 2 wrong usage. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { nearest } from "../runtime/nearest.ts";
import { PACKAGE_ROOT } from "../runtime/node-executable.ts";
import { readSettings, SettingsError } from "../runtime/settings.ts";
import { type Command, CommandError, type CommandGroup, UsageError } from "./command.ts";
import { alerts } from "./commands/alerts.ts";
import { chain } from "./commands/chain.ts";
import { chaos } from "./commands/chaos.ts";
import { release, reload, restart, start, stop } from "./commands/control.ts";
import { doctor } from "./commands/doctor.ts";
import { down } from "./commands/down.ts";
import { heal } from "./commands/heal.ts";
import { logs } from "./commands/logs.ts";
import { node } from "./commands/node.ts";
import { optimizer } from "./commands/optimizer.ts";
import { organism } from "./commands/organism.ts";
import { profile } from "./commands/profile.ts";
import { recover } from "./commands/recover.ts";
import { repl } from "./commands/repl.ts";
import { rules } from "./commands/rules.ts";
import { scale } from "./commands/scale.ts";
import { selftest } from "./commands/selftest.ts";
import { status } from "./commands/status.ts";
import { up } from "./commands/up.ts";
import { why } from "./commands/why.ts";
import { paint } from "./paint.ts";

const COMMANDS: (Command | CommandGroup)[] = [
  up,
  down,
  status,
  organism,
  alerts,
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
  chain,
  optimizer,
  rules,
  profile,
  doctor,
  selftest,
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
  const found = COMMANDS.find((one) => one.name === name);
  if (!found) return unknown(`there is no command ${name}`, name, COMMANDS, help());
  if (!("commands" in found)) return runCommand(found, found.name, rest);
  const [word, ...others] = rest;
  if (word === undefined || word === "--help" || word === "-h") {
    console.log(groupHelp(found));
    return word === undefined ? 2 : 0;
  }
  const command = found.commands.find((one) => one.name === word);
  if (command) return runCommand(command, `${found.name} ${command.name}`, others);
  return unknown(`there is no command ${found.name} ${word}`, word, found.commands, groupHelp(found));
}

function unknown(what: string, name: string, known: { name: string }[], usage: string): number {
  const meant = nearest(
    name,
    known.map((one) => one.name),
  );
  console.error(`azora: ${what}${meant ? `; did you mean ${meant}?` : ""}\n\n${usage}`);
  return 2;
}

async function runCommand(command: Command, name: string, argv: string[]): Promise<number> {
  try {
    const options = { ...GENERAL, ...command.options };
    const { values, positionals } = parse(options, argv);
    if (values["help"]) {
      console.log(commandHelp(command, name));
      return 0;
    }
    const [least, most] = command.arity;
    if (positionals.length < least || positionals.length > most)
      throw new UsageError(`usage: azora ${name} ${command.usage}`);
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
  const lines = summaries(COMMANDS);
  return `${paint("bold", "azora")} runs a folder of services as one living organism\n\n${lines}\n\n  --json on everything that prints a table, --help on every command`;
}

function groupHelp({ name, summary, commands }: CommandGroup): string {
  return `azora ${name} <command>: ${summary}\n\n${summaries(commands)}\n\n  azora ${name} <command> --help says more`;
}

/** One line for each command, with what it does beside it. */
function summaries(commands: (Command | CommandGroup)[]): string {
  const shown = commands.map((one) => ({
    call: `${one.name} ${"commands" in one ? "<command>" : one.usage}`,
    summary: one.summary,
  }));
  const width = Math.max(...shown.map(({ call }) => call.length));
  return shown.map(({ call, summary }) => `  ${call.padEnd(width)}  ${paint("dim", summary)}`).join("\n");
}

function commandHelp(command: Command, name: string): string {
  const options = Object.entries({ ...command.options, ...GENERAL }).map(([option, definition]) => {
    const { short, describe } = definition as { short?: string; describe: string };
    return `  ${`--${option}${short ? `, -${short}` : ""}`.padEnd(20)} ${describe}`;
  });
  return `azora ${name} ${command.usage}\n\n${command.summary}\n\n${options.join("\n")}`;
}
