/** The thread that writes and searches the index: neither may hold up the service's own event loop. */
import { parentPort, workerData } from "node:worker_threads";
import { findIncident, type IncidentPart } from "./find-incident.ts";
import { IndexFollower } from "./index-follower.ts";
import type { Page, QueryParams } from "./query-params.ts";
import { search } from "./search.ts";
import { isDamage } from "./sqlite-damage.ts";

export interface IndexWorkerData {
  file: string;
  logFolder: string;
}

/** To the worker. `number` comes back with the answer. */
export type IndexRequest =
  | { what: "advance"; size: number }
  | { what: "query"; number: number; params: QueryParams }
  | { what: "incident"; number: number; requestId: string }
  | { what: "rebuild"; why: string }
  | { what: "close" };

/** From the worker. */
export type IndexReport =
  | { what: "opened"; position: number }
  | { what: "rebuilt"; why: string }
  | { what: "position"; position: number }
  | { what: "stuck"; why: string }
  | { what: "answer"; number: number; answer: Page | IncidentPart[] }
  | { what: "failed"; number: number; why: string };

const port = parentPort!;
const { file, logFolder } = workerData as IndexWorkerData;
const tell = (report: IndexReport) => port.postMessage(report);
const follower = new IndexFollower({ file, logFolder, onRebuild: (why) => tell({ what: "rebuilt", why }) });
/** How far the log is known to be whole. */
let wanted = follower.position;
let following = false;

tell({ what: "opened", position: follower.position });
port.on("message", (request: IndexRequest) => {
  switch (request.what) {
    case "advance":
      wanted = Math.max(wanted, request.size);
      if (!following) {
        following = true;
        follow();
      }
      return;
    case "rebuild":
      return rebuild(request.why);
    case "query":
      return answer(request.number, search(source(), request.params));
    case "incident":
      return answer(request.number, findIncident(source(), request.requestId));
    case "close":
      follower.close();
      port.close();
  }
});

/** One step a turn, so that a search does not wait until a long log is through. */
function follow(): void {
  try {
    const more = follower.step(wanted);
    tell({ what: "position", position: follower.position });
    if (more) {
      setImmediate(follow);
      return;
    }
  } catch (error) {
    tell({ what: "stuck", why: (error as Error).message });
  }
  following = false;
}

function rebuild(why: string): void {
  follower.rebuild(why);
  if (!following) follow();
}

function source() {
  return { index: follower.index, reader: follower.reader, folder: logFolder, size: follower.position };
}

function answer(number: number, work: Generator<undefined, Page | IncidentPart[]>): void {
  try {
    const step = work.next();
    if (step.done) tell({ what: "answer", number, answer: step.value });
    else setImmediate(() => answer(number, work));
  } catch (error) {
    tell({ what: "failed", number, why: (error as Error).message });
    if (isDamage(error)) rebuild(`it is damaged: ${(error as Error).message}`);
  }
}
