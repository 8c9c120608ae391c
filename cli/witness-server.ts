import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { WitnessFiles } from "../tlog/witness-files.ts";
import type { WitnessHost } from "../tlog/witness-host.ts";

/** A request with a proof of 63 hashes and 16 large signatures has 100 KB; one with many changes of keys more. */
const MAX_BODY = 1024 * 1024;
const TEXT = "text/plain; charset=utf-8";

interface Answer {
  status: number;
  body: string;
  contentType?: string;
}

/**
 * A witness over HTTP (C2SP tlog-witness): `POST /add-checkpoint`, `GET /<hash of the origin>/checkpoint`. Beside it
 * `GET /vkey`, and `POST /log-keys`, by which a log of Azora tells of changes that its trusted keys vouch for.
 */
export function witnessServer(witness: WitnessHost, files: WitnessFiles): Server {
  return createServer((request, response) => {
    answer(request, witness, files)
      .catch((error): Answer => ({ status: 500, body: `the witness failed: ${(error as Error).message}\n` }))
      .then(({ status, body, contentType = TEXT }) => send(response, status, body, contentType));
  });
}

async function answer(request: IncomingMessage, witness: WitnessHost, files: WitnessFiles): Promise<Answer> {
  const path = (request.url ?? "/").split("?")[0]!;
  const route = `${request.method} ${path}`;
  if (route === "GET /vkey") return { status: 200, body: `${witness.vkey}\n` };
  const hash = /^GET \/([0-9a-f]{64})\/checkpoint$/.exec(route)?.[1];
  if (hash) {
    const checkpoint = files.checkpointOf(hash);
    return checkpoint
      ? { status: 200, body: checkpoint }
      : { status: 404, body: "no checkpoint of this log was seen\n" };
  }
  if (route !== "POST /add-checkpoint" && route !== "POST /log-keys") {
    return {
      status: 404,
      body: "there are POST /add-checkpoint, POST /log-keys, GET /vkey and GET /<origin hash>/checkpoint\n",
    };
  }
  const body = await bodyOf(request);
  if (body === undefined) return { status: 413, body: `a request may have ${MAX_BODY} bytes\n` };
  return route === "POST /add-checkpoint" ? witness.addCheckpoint(body) : followKeys(body, witness);
}

function followKeys(body: string, witness: WitnessHost): Answer {
  const told = parse(body) as { origin?: unknown; changes?: unknown } | undefined;
  const { origin, changes } = told ?? {};
  if (typeof origin !== "string" || !Array.isArray(changes) || !changes.every((one) => typeof one === "string")) {
    return { status: 400, body: 'the body must be JSON: {"origin": text, "changes": [proofs as text]}\n' };
  }
  if (!witness.follow(origin, changes)) return { status: 404, body: `the log ${origin} is not known here\n` };
  return { status: 204, body: "" };
}

async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > MAX_BODY) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function send(response: ServerResponse, status: number, body: string, contentType: string): void {
  if (response.destroyed) return;
  response.writeHead(status, status === 204 ? {} : { "content-type": contentType });
  response.end(body);
}
