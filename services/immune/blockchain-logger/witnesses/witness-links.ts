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
export function httpWitness(vkey: string, url: string, chain: Chain): WitnessLink {
  const post = async (path: string, body: string) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(`${url.replace(/\/$/, "")}/${path}`, { method: "POST", body, signal });
    return { status: response.status, body: await response.text() };
  };
  return {
    name: vkey.slice(0, vkey.indexOf("+")),
    vkey: async () => vkey,
    async submit(body) {
      const answer = await post("add-checkpoint", body);
      if (answer.status !== 403) return answer;
      // Azora's own witness follows the log's keys; another one has to be told of a new key by its operator.
      const { origin, changes } = keyHistory(chain.log.reader, chain.keys);
      const told = await post("log-keys", JSON.stringify({ origin, changes }));
      return told.status === 204 ? post("add-checkpoint", body) : answer;
    },
  };
}
