/** A thread that verifies spans, one after the other. `workerData`: the log's folder. */
import { parentPort, workerData } from "node:worker_threads";
import { LogFiles } from "./log-files.ts";
import { type SpanTask, verifySpan } from "./span.ts";

const files = new LogFiles(workerData as string);
parentPort!.on("message", (task: SpanTask) => parentPort!.postMessage(verifySpan(task, files)));
