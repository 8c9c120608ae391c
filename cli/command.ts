import type { Settings } from "../runtime/settings.ts";

/** What every command gets. */
export interface CommandContext {
  settings: Settings;
  /** Arguments that are no options. */
  args: string[];
  options: Record<string, string | boolean | undefined>;
  out: (text: string) => void;
}

export interface Command {
  name: string;
  /** Arguments, as the help shows them. */
  usage: string;
  summary: string;
  options?: Record<string, { type: "string" | "boolean"; short?: string; describe: string }>;
  /** Least and most number of arguments. */
  arity: [number, number];
  /** Returns the exit code: 0 done, 1 failed. */
  run(context: CommandContext): Promise<number>;
}

/** A word that several commands share: `azora chain query`. */
export interface CommandGroup {
  name: string;
  summary: string;
  commands: Command[];
}

/** Wrong usage: exit code 2. */
export class UsageError extends Error {}

/** A failure that is told in one sentence: exit code 1. */
export class CommandError extends Error {}
