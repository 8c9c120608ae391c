import { type Observations, type Observe, one } from "./observation.ts";
import { because } from "./says.ts";

export const CHAIN_OBSERVATIONS: Observations = {
  "chain-broken": ({ chain }) =>
    one({
      subject: "chain",
      group: "chain",
      value: chain.intact === null ? null : chain.intact ? 1 : 0,
      says: () => `the audit chain is not intact${because(chain.alarms?.map(({ why }) => why).join("; "))}`,
    }),
  "chain-gaps": ({ chain: { gaps } }) =>
    one({
      subject: "chain",
      group: "chain",
      value: gaps.length,
      says: () => `${gaps.length} gaps were found in the audit chain in the last hour${because(gaps.at(-1))}`,
    }),
  "chain-stalled": chainAlarm("CHAIN_UNAVAILABLE", "the audit chain cannot write"),
  "chain-unwitnessed": chainAlarm("CHAIN_UNWITNESSED", "no witness confirms the audit chain"),
};

function chainAlarm(code: string, what: string): Observe {
  return ({ chain: { alarms } }) => {
    const alarm = alarms?.find((one) => one.code === code);
    const value = alarms === null ? null : alarm ? 1 : 0;
    return one({ subject: "chain", group: "chain", value, says: () => `${what}${because(alarm?.why)}` });
  };
}
