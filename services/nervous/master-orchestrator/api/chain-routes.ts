import type { ServiceBroker } from "moleculer";
import { CHAIN_MOUNT, CHAIN_ROUTES } from "../../../../models/chain-routes.ts";
import { kindOfLogFile, logFileHeaders } from "../../../../tlog/log-file.ts";
import { asking } from "./asking.ts";
import { PlainAnswer, type Route } from "./routes.ts";

const SERVICE = "blockchain-logger";
/** Actions that answer with a file of the log, and the folder that their path leaves out. */
const FILES: Record<string, string> = { logFile: "", bundleFile: "tile/entries/" };

/** Actions that show personal data opened, or find persons by name. */
const PERSONAL = ["entry", "query", "export"];

/** The routes of the audit chain, as the gateway has them. They only pass on. */
export function chainRoutes(broker: ServiceBroker): Route[] {
  const ask = asking(broker);
  return CHAIN_ROUTES.map(({ method, path, action, access, timeout }) => ({
    method,
    path: CHAIN_MOUNT + path,
    control: access === "control",
    async handle({ params, query, body, isOperator }) {
      // Reading is open on loopback; what is about persons is not.
      const sealed = PERSONAL.includes(action) && !isOperator ? { sealed: true } : {};
      const asked = { ...Object.fromEntries(query), ...body, ...params, ...sealed };
      const answer = await ask(`${SERVICE}.${action}`, asked, timeout);
      const folder = FILES[action];
      if (folder === undefined) return answer;
      const { type, cache } = logFileHeaders(kindOfLogFile(folder + params["path"])!);
      return new PlainAnswer(type, Buffer.from(answer as Uint8Array), cache);
    },
  }));
}
