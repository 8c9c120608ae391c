import type { ServiceBroker } from "moleculer";
import { CHAIN_MOUNT, CHAIN_ROUTES } from "../../../../models/chain-routes.ts";
import { kindOfLogFile, logFileHeaders } from "../../../../tlog/log-file.ts";
import { passedRoutes } from "./passed-routes.ts";
import { PlainAnswer, type Route } from "./routes.ts";

/** Actions that answer with a file of the log, and the folder that their path leaves out. */
const FILES: Record<string, string> = { logFile: "", bundleFile: "tile/entries/" };

/** Actions that show personal data opened, or find persons by name. */
const PERSONAL = ["entry", "query", "export"];

/** The routes of the audit chain. */
export function chainRoutes(broker: ServiceBroker): Route[] {
  return passedRoutes(broker, {
    service: "blockchain-logger",
    mount: CHAIN_MOUNT,
    routes: CHAIN_ROUTES,
    // Reading is open on loopback; what is about persons is not.
    told: (action, { isOperator }) => (PERSONAL.includes(action) && !isOperator ? { sealed: true } : {}),
    answer(action, found, { params }) {
      const folder = FILES[action];
      if (folder === undefined) return found;
      const { type, cache } = logFileHeaders(kindOfLogFile(folder + params["path"])!);
      return new PlainAnswer(type, Buffer.from(found as Uint8Array), cache);
    },
  });
}
