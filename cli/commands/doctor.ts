import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, statfsSync, statSync } from "node:fs";
import { connect } from "node:net";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { readBus } from "../../runtime/bus.ts";
import { natsOptions } from "../../runtime/nats-transporter.ts";
import { runFolderOf } from "../../runtime/organism.ts";
import { listenerOf } from "../../runtime/port-holder.ts";
import type { Settings } from "../../runtime/settings.ts";
import { findNatsServer } from "../../spine/nats-server.ts";
import { ApiClient, type OrganismStatus } from "../api-client.ts";
import type { Command } from "../command.ts";
import { paint } from "../paint.ts";
import { spineProcess } from "../running.ts";

interface Finding {
  what: string;
  state: "ok" | "note" | "wrong";
  found: string;
  remedy?: string;
}

const LITTLE_DISK = 200 * 1024 * 1024;

export const doctor: Command = {
  name: "doctor",
  usage: "",
  summary: "looks at machine, versions, ports, bus, stores, clock, disk and keys: what is wrong, and what to do",
  arity: [0, 0],
  async run({ settings, options, out }) {
    const running = spineProcess(settings) !== undefined;
    const findings = [
      machine(),
      versions(),
      ...(await ports(settings, running)),
      await bus(settings),
      ...(await stores(settings)),
      ...folders(settings),
      await clock(settings, running),
      keys(settings),
      await organism(settings, running),
    ];
    if (options["json"]) out(JSON.stringify(findings));
    else {
      for (const { what, state, found, remedy } of findings) {
        const sign = state === "ok" ? paint("green", "✔") : state === "note" ? paint("yellow", "•") : paint("red", "✖");
        out(`${sign} ${what.padEnd(10)} ${found}${remedy ? `\n             ${paint("cyan", remedy)}` : ""}`);
      }
    }
    return findings.some(({ state }) => state === "wrong") ? 1 : 0;
  },
};

function machine(): Finding {
  const memory = Math.round(totalmem() / 1024 ** 3);
  const little = totalmem() < 1024 ** 3;
  return {
    what: "machine",
    state: little ? "note" : "ok",
    found: `${cpus().length} cores, ${memory} GB memory, ${process.platform} ${process.arch}`,
    ...(little ? { remedy: "each node takes about 100 MB" } : {}),
  };
}

function versions(): Finding {
  return { what: "node", state: "ok", found: process.version };
}

async function ports(settings: Settings, running: boolean): Promise<Finding[]> {
  const wanted = [
    ["AZORA_ORCHESTRATOR_PORT", settings.AZORA_ORCHESTRATOR_PORT],
    ["AZORA_PORT", settings.AZORA_PORT],
  ] as const;
  return Promise.all(
    wanted.map(async ([name, port]): Promise<Finding> => {
      const holder = await listenerOf(port);
      if (!holder) return { what: "port", state: "ok", found: `${port} is free` };
      if (running) return { what: "port", state: "ok", found: `${port} is held by ${holder}` };
      return {
        what: "port",
        state: "wrong",
        found: `${port} is taken by ${holder}`,
        remedy: `end it, or set ${name} to another port`,
      };
    }),
  );
}

async function bus(settings: Settings): Promise<Finding> {
  const url = settings.AZORA_EVENT_BUS_URL;
  if (url && url !== "mesh") {
    const [server] = natsOptions(url).servers;
    const [host, port = "4222"] = server!.split(":");
    return (await reachable(host!, Number(port)))
      ? { what: "bus", state: "ok", found: `NATS on ${server} answers` }
      : {
          what: "bus",
          state: "wrong",
          found: `NATS on ${server} does not answer`,
          remedy: "start it, or correct AZORA_EVENT_BUS_URL",
        };
  }
  const program = findNatsServer();
  const known = readBus(runFolderOf(settings.AZORA_DATA_DIR));
  if (known) return { what: "bus", state: "ok", found: known.kind === "mesh" ? "the mesh" : "a private nats-server" };
  if (program)
    return {
      what: "bus",
      state: "ok",
      found: `${execFileSync(program, ["--version"]).toString().trim()} will be started privately`,
    };
  return {
    what: "bus",
    state: "note",
    found: "nats-server is not on PATH: the mesh is used",
    remedy: "enough for one machine; for more: apt-get install nats-server",
  };
}

async function stores(settings: Settings): Promise<Finding[]> {
  const findings: Finding[] = [
    { what: "documents", state: "ok", found: `SQLite in ${join(settings.AZORA_DATA_DIR, "db")}` },
  ];
  if (settings.AZORA_DB_URL) {
    findings[0] = {
      what: "documents",
      state: "wrong",
      found: "AZORA_DB_URL names MongoDB, which this release does not support",
      remedy: "unset AZORA_DB_URL",
    };
  }
  if (!settings.AZORA_REDIS_URL) return [...findings, { what: "cache", state: "ok", found: "in process" }];
  const { hostname, port } = new URL(settings.AZORA_REDIS_URL);
  const there = await reachable(hostname, Number(port || 6379));
  const found = `Redis on ${hostname}:${port || 6379} ${there ? "answers" : "does not answer"}`;
  return [
    ...findings,
    there
      ? { what: "cache", state: "ok", found }
      : { what: "cache", state: "wrong", found, remedy: "start it, or unset AZORA_REDIS_URL" },
  ];
}

function folders(settings: Settings): Finding[] {
  return (["AZORA_DATA_DIR", "AZORA_LOG_DIR"] as const).map((name): Finding => {
    const folder = settings[name];
    try {
      mkdirSync(folder, { recursive: true });
      accessSync(folder, constants.W_OK);
      const { bavail, bsize } = statfsSync(folder);
      const free = bavail * bsize;
      const found = `${folder}: ${Math.round(free / 1024 ** 2)} MB free`;
      return free < LITTLE_DISK
        ? { what: "disk", state: "wrong", found, remedy: `free some space, or move it with ${name}` }
        : { what: "disk", state: "ok", found };
    } catch (error) {
      return {
        what: "disk",
        state: "wrong",
        found: `${folder} cannot be written: ${(error as Error).message}`,
        remedy: `set ${name} to a folder of yours`,
      };
    }
  });
}

/** A clock that jumps shows as a difference between wall time and the organism's; one that is far off breaks tokens. */
async function clock(settings: Settings, running: boolean): Promise<Finding> {
  const year = new Date().getFullYear();
  if (year < 2025)
    return {
      what: "clock",
      state: "wrong",
      found: `the clock says ${new Date().toISOString()}`,
      remedy: "set it, for example with an NTP service",
    };
  if (running) {
    try {
      const response = await fetch(`${new ApiClient(settings).url}/live`);
      const skew = Math.abs(Date.now() - Date.parse(response.headers.get("date") ?? ""));
      if (skew > 5000)
        return {
          what: "clock",
          state: "wrong",
          found: `differs by ${Math.round(skew / 1000)} s from the organism's`,
          remedy: "let an NTP service set it",
        };
    } catch {
      // told by the finding on the organism
    }
  }
  return { what: "clock", state: "ok", found: new Date().toISOString() };
}

function keys(settings: Settings): Finding {
  const path = join(settings.AZORA_DATA_DIR, "operator.token");
  if (!existsSync(path)) return { what: "keys", state: "ok", found: "the operator's token is made at the first start" };
  const open = (statSync(path).mode & 0o077) !== 0;
  return open
    ? { what: "keys", state: "wrong", found: `${path} can be read by others`, remedy: `chmod 600 ${path}` }
    : { what: "keys", state: "ok", found: `${path} is readable by its owner only` };
}

async function organism(settings: Settings, running: boolean): Promise<Finding> {
  if (!running) return { what: "organism", state: "ok", found: "is not running" };
  try {
    const { status, why } = await new ApiClient(settings).get<OrganismStatus>("/orchestrator/status");
    return status === "healthy" || status === "launching"
      ? { what: "organism", state: "ok", found: `${status}: ${why}` }
      : {
          what: "organism",
          state: "wrong",
          found: `${status}: ${why}`,
          remedy: "azora status shows all, azora why <service> tells one",
        };
  } catch (error) {
    return {
      what: "organism",
      state: "wrong",
      found: (error as Error).message,
      remedy: "the spine restarts it; see logs/spine.log",
    };
  }
}

function reachable(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1000 });
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket
      .once("connect", () => done(true))
      .once("error", () => done(false))
      .once("timeout", () => done(false));
  });
}
