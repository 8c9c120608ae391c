/** The thread in which rules are tried: an hour of seconds against a thousand rules would hold up the engine's event loop. */
import { parentPort, workerData } from "node:worker_threads";
import { tried } from "./tried.ts";

parentPort!.postMessage(tried(workerData));
