import { once } from "node:events";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { systemClock } from "../../../runtime/clock.ts";
import { replaceFile } from "../../../runtime/durable-file.ts";
import { parseVkey } from "../../../tlog/keys.ts";
import { WitnessFiles } from "../../../tlog/witness-files.ts";
import { WitnessHost } from "../../../tlog/witness-host.ts";
import { type Command, CommandError, UsageError } from "../../command.ts";
import { witnessServer } from "../../witness-server.ts";
import { keysOf } from "./given-keys.ts";

export const witness: Command = {
  name: "witness",
  usage: "",
  summary: "watches logs of other machines: remembers how far each had come, and confirms only what goes on from there",
  options: {
    log: {
      type: "string",
      short: "l",
      describe: "a log to watch: its vkey, or a file with its vkeys; only needed once",
    },
    folder: { type: "string", short: "f", describe: "where it keeps its key and what it saw (./witness)" },
    name: { type: "string", describe: "its name in its signatures (witness.<host name>)" },
    host: { type: "string", describe: "the address to listen on (127.0.0.1)" },
    port: { type: "string", short: "p", describe: "the port to listen on (7380)" },
  },
  arity: [0, 0],
  async run({ options, out }) {
    const {
      host = "127.0.0.1",
      port = "7380",
      folder = "./witness",
      name,
    } = options as Record<string, string | undefined>;
    if (!isIP(host)) throw new UsageError(`--host is "${host}", but must be an IP address of this machine`);
    if (!/^\d{1,5}$/.test(port) || Number(port) > 65535)
      throw new UsageError(`--port is "${port}", but must be 0 to 65535`);
    if (name !== undefined && !/^[\x21-\x2a\x2c-\x7e]{1,200}$/.test(name)) {
      throw new UsageError(`--name is "${name}", but must be a text without blanks and +`);
    }
    const files = new WitnessFiles(resolve(folder), replaceFile);
    const own = new WitnessHost(files, () => name ?? `witness.${hostname()}`, systemClock);
    for (const [origin, vkeys] of logsOf(options["log"])) own.introduce({ origin, first: vkeys, changes: [] });
    if (files.known.length === 0) throw new UsageError("there is no log to watch: give one with --log");
    const server = witnessServer(own, files).listen(Number(port), host);
    await Promise.race([once(server, "listening"), once(server, "error").then(([error]) => refuse(error as Error))]);
    const { port: bound } = server.address() as { port: number };
    out(
      `watches ${files.known.length} ${files.known.length === 1 ? "log" : "logs"} on http://${host}:${bound}; the logs ask it with`,
    );
    out(`  AZORA_CHAIN_WITNESSES=${own.vkey}@http://${host}:${bound}`);
    const signal = await Promise.race(["SIGINT", "SIGTERM"].map((one) => once(process, one).then(() => one)));
    out(`stops: ${signal}`);
    server.closeAllConnections();
    server.close();
    return 0;
  },
};

/** The vkeys by the log's name. */
function logsOf(given: string | boolean | undefined): Map<string, string[]> {
  const logs = new Map<string, string[]>();
  for (const vkey of keysOf("log", given) ?? []) {
    const { name } = parseVkey(vkey);
    logs.set(name, [...(logs.get(name) ?? []), vkey]);
  }
  return logs;
}

function refuse(error: Error): never {
  throw new CommandError(`the witness cannot listen: ${error.message}`);
}
