import type { ServiceBroker } from "moleculer";
import type { Chain } from "../chain.ts";
import { keyHistory } from "../keys/key-history.ts";
import type { WitnessLink } from "./witnessing.ts";

const TIMEOUT_MS = 5000;
const SERVICE = "chain-witness";

/** The organism's own witness, which lives in another node. It is told of the log's keys before it can know them. */
export function busWitness(broker: ServiceBroker, chain: Chain): WitnessLink {
  const call = <T>(action: string, params: object = {}) =>
    broker.call(`${SERVICE}.${action}`, params, { timeout: TIMEOUT_MS }) as Promise<T>;
  return {
    name: SERVICE,
    vkey: () => call<string>("vkey"),
    async submit(body) {
      const answer = await call<{ status: number; body: string }>("addCheckpoint", { body });
      if (answer.status !== 403 && answer.status !== 404) return answer;
      // It does not know the log, or not the key that signs now.
      await call("introduce", keyHistory(chain.log.reader, chain.keys));
      return call<{ status: number; body: string }>("addCheckpoint", { body });
    },
  };
}

/** A witness of another machine, by C2SP tlog-witness. It was told there which log to watch. */
export function httpWitness(vkey: string, url: string): WitnessLink {
  return {
    name: vkey.slice(0, vkey.indexOf("+")),
    vkey: async () => vkey,
    async submit(body) {
      const response = await fetch(`${url.replace(/\/$/, "")}/add-checkpoint`, {
        method: "POST",
        body,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      return { status: response.status, body: await response.text() };
    },
  };
}
