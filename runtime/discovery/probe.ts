/**
 * A throw-away process that loads each service file without starting anything, and tells its parent what it found.
 * Neither `created` nor `started` runs; a file that ends the process, never returns or throws harms nobody.
 * Arguments: a JSON of `ProbeRequest`. Answers: one JSON line per file on file descriptor 3.
 */
import { writeSync } from "node:fs";
import { relative } from "node:path";
import { Worker } from "node:worker_threads";
import { type ActionSchema, Service, ServiceBroker } from "moleculer";
import { importService, installModuleHooks } from "../module-hooks.ts";
import { constructService } from "../service-factory.ts";

export interface ProbeRequest {
  files: string[];
  root: string;
  foreign: boolean;
}

/** What was read of one file. */
export interface Probed {
  file: string;
  /** Why the file cannot be loaded. */
  error?: string;
  name?: string;
  fullName?: string;
  version?: string | number;
  metadata?: unknown;
  dependencies?: unknown;
  actions?: string[];
}

// A file that never comes back must not outlive whoever asked: a thread of its own can still see that, and end it.
new Worker(
  `const parent = process.ppid; setInterval(() => process.ppid !== parent && process.kill(process.pid, "SIGKILL"), 500)`,
  { eval: true },
).unref();

const { files, root, foreign } = JSON.parse(process.argv[2]!) as ProbeRequest;
const end = process.exit.bind(process);
process.exit = ((code?: number) => {
  throw new Error(`calls process.exit(${code ?? ""}) while it is loaded`);
}) as typeof process.exit;
process.on("uncaughtException", () => {});
process.on("unhandledRejection", () => {});
installModuleHooks({ root, foreign });

const prototype = Service.prototype as unknown as { _init(): void };
prototype._init = () => {};
const broker = new ServiceBroker({
  nodeID: "probe",
  logger: false,
  internalServices: false,
  skipProcessEventRegistration: true,
});

for (const file of files) {
  say({ file, error: "" });
  try {
    say(describe(file, constructService(broker, await importService(file, 0, root))));
  } catch (error) {
    say({ file, error: reason(error) });
  }
}
end(0);

function describe(file: string, service: Service): Probed {
  const { schema } = service as unknown as {
    schema: { dependencies?: unknown; actions?: Record<string, ActionSchema> };
  };
  return {
    file,
    name: service.name,
    fullName: service.fullName,
    version: service.version,
    metadata: service.metadata,
    dependencies: schema.dependencies,
    actions: Object.keys(schema.actions ?? {}),
  };
}

/** The message, and the place in the project's own code where there is one. */
function reason(error: unknown): string {
  const { message, stack = "" } = error as Error;
  const places = [...stack.matchAll(/(?:file:\/\/)?(\/[^()\s?]+)(?:\?[^:)\s]*)?:(\d+)(?::\d+)?/g)];
  const place = places.find(
    ([, file]) => file!.startsWith(`${root}/`) && !file!.includes("/node_modules/") && file !== import.meta.filename,
  );
  return `${message ?? String(error)}`.split("\n")[0] + (place ? ` (${relative(root, place[1]!)}:${place[2]})` : "");
}

function say(probed: Probed): void {
  writeSync(3, `${JSON.stringify(probed, (_key, value) => (typeof value === "function" ? undefined : value))}\n`);
}
