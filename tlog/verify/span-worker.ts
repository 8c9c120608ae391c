/** A thread that verifies spans, one after the other. `workerData`: the log's folder. */
import { parentPort, workerData } from "node:worker_threads";
import { LogFiles } from "./log-files.ts";
import { type SpanTask, verifySpan } from "./span.ts";

const folder = workerData as string;
const files = { files: new LogFiles(folder), bundles: new LogFiles(folder) };
parentPort!.on("message", (task: SpanTask) => parentPort!.postMessage(verifySpan(task, files)));
