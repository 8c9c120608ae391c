/** The command line. Exit codes: 0 done, 1 failed, 2 wrong usage. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { nearest } from "../runtime/nearest.ts";
import { PACKAGE_ROOT } from "../runtime/node-executable.ts";
import { readSettings, SettingsError } from "../runtime/settings.ts";
import { type Command, CommandError, type CommandGroup, UsageError } from "./command.ts";
import { paint } from "./paint.ts";

/** In the order in which they are shown. Only the one that is asked for is loaded: `up` is to need no broker. */
const COMMANDS: Record<string, () => Promise<Command | CommandGroup>> = {
  up: async () => (await import("./commands/up.ts")).up,
  down: async () => (await import("./commands/down.ts")).down,
  status: async () => (await import("./commands/status.ts")).status,
  organism: async () => (await import("./commands/organism.ts")).organism,
  alerts: async () => (await import("./commands/alerts.ts")).alerts,
  logs: async () => (await import("./commands/logs.ts")).logs,
  why: async () => (await import("./commands/why.ts")).why,
  start: async () => (await import("./commands/control.ts")).start,
  stop: async () => (await import("./commands/control.ts")).stop,
  restart: async () => (await import("./commands/control.ts")).restart,
  reload: async () => (await import("./commands/control.ts")).reload,
  release: async () => (await import("./commands/control.ts")).release,
  heal: async () => (await import("./commands/heal.ts")).heal,
  recover: async () => (await import("./commands/recover.ts")).recover,
  scale: async () => (await import("./commands/scale.ts")).scale,
  node: async () => (await import("./commands/node.ts")).node,
  chaos: async () => (await import("./commands/chaos.ts")).chaos,
  chain: async () => (await import("./commands/chain.ts")).chain,
  optimizer: async () => (await import("./commands/optimizer.ts")).optimizer,
  rules: async () => (await import("./commands/rules.ts")).rules,
  profile: async () => (await import("./commands/profile.ts")).profile,
  doctor: async () => (await import("./commands/doctor.ts")).doctor,
  selftest: async () => (await import("./commands/selftest.ts")).selftest,
  repl: async () => (await import("./commands/repl.ts")).repl,
};
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
    console.log(await help());
    return name === undefined ? 2 : 0;
  }
  if (name === "--version" || name === "-v") {
    console.log(JSON.parse(readFileSync(join(PACKAGE_ROOT, "package.json"), "utf8")).version);
    return 0;
  }
  if (!Object.hasOwn(COMMANDS, name))
    return unknown(`there is no command ${name}`, name, Object.keys(COMMANDS), await help());
  const found = await COMMANDS[name]!();
  if (!("commands" in found)) return runCommand(found, found.name, rest);
  const [word, ...others] = rest;
  if (word === undefined || word === "--help" || word === "-h") {
    console.log(groupHelp(found));
    return word === undefined ? 2 : 0;
  }
  const command = found.commands.find((one) => one.name === word);
  if (command) return runCommand(command, `${found.name} ${command.name}`, others);
  const known = found.commands.map((one) => one.name);
  return unknown(`there is no command ${found.name} ${word}`, word, known, groupHelp(found));
}

function unknown(what: string, name: string, known: string[], usage: string): number {
  const meant = nearest(name, known);
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

async function help(): Promise<string> {
  const lines = summaries(await Promise.all(Object.values(COMMANDS).map((load) => load())));
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
