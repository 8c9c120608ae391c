import { spawn } from "node:child_process";
import { hostname } from "node:os";
import { ORGANS } from "../../runtime/discovery/metadata.ts";
import { locateProject } from "../../runtime/discovery/scan.ts";
import type { JoinRequest } from "../../runtime/joined-node.ts";
import { nearest } from "../../runtime/nearest.ts";
import { NODE_FLAGS, ownModule } from "../../runtime/node-executable.ts";
import { projectEnvironment } from "../../runtime/project.ts";
import { readSettings } from "../../runtime/settings.ts";
import { type Command, CommandError, UsageError } from "../command.ts";

export const node: Command = {
  name: "node",
  usage: "<organ> [folder]",
  summary: "joins a running organism from another machine, as one more node of an organ",
  options: {
    bus: { type: "string", describe: "the organism's bus: nats://user:password@host:4222" },
    number: { type: "string", describe: "number of the node on this machine (1)" },
    host: { type: "string", describe: "name of this machine" },
  },
  arity: [1, 2],
  async run({ settings, args, options, out }) {
    const [organ, folder] = args as [string, string?];
    if (!ORGANS.includes(organ as never)) {
      const meant = nearest(organ, ORGANS);
      throw new UsageError(
        `no organ is named ${organ}; ${meant ? `did you mean ${meant}?` : `there are ${ORGANS.join(", ")}`}`,
      );
    }
    const bus = (options["bus"] as string | undefined) ?? settings.AZORA_EVENT_BUS_URL;
    if (!bus || bus === "mesh")
      throw new UsageError(
        "--bus is missing: the mesh does not reach other machines, so give the organism's nats:// address",
      );
    const { AZORA_EVENT_BUS_URL } = readSettings({ ...process.env, AZORA_EVENT_BUS_URL: bus });
    const number = (options["number"] as string | undefined) ?? "1";
    if (!/^[1-9]\d{0,3}$/.test(number))
      throw new UsageError(`--number is "${number}", but must be a whole number from 1 to 9999`);
    const project = locateProject(folder, process.cwd());
    if ("refusal" in project) throw new CommandError(project.refusal);
    const host = (options["host"] as string | undefined) ?? hostname();
    const request: JoinRequest = {
      nodeId: `${organ}-${number}@${host}`,
      organ,
      namespace: settings.AZORA_NAMESPACE,
      project,
    };
    const child = spawn(process.execPath, [...NODE_FLAGS, ownModule("runtime/joined-node"), JSON.stringify(request)], {
      cwd: project.foreign ? project.root : process.cwd(),
      // The address holds a password: the environment is readable by this user alone, arguments by everybody.
      env: { ...projectEnvironment(project), AZORA_EVENT_BUS_URL },
      stdio: "inherit",
    });
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => child.kill("SIGTERM"));
    out(`${request.nodeId} joins ${request.namespace}; Ctrl-C lets its calls finish and leaves`);
    return new Promise((resolve) => child.on("exit", (code) => resolve(code ?? 1)));
  },
};
