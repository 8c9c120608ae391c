import type { SystemState } from "../../../../../models/organism-state.ts";
import { ENOUGH_KNOWN, finite, NOTHING, type Observation, type Observations, type Observe } from "./observation.ts";
import { percent, round } from "./says.ts";

/** Fewer calls a second than this say nothing about a share of them. */
const ENOUGH_CALLS = 0.5;

export const SYSTEM_OBSERVATIONS: Observations = {
  "system-degraded": systems(({ health, confidence, system }) => ({
    value: confidence < ENOUGH_KNOWN ? null : health,
    says: () => `health of ${system} is ${round(health)} of 100`,
  })),
  "system-errors": systems(({ metrics, system }) => {
    const { value } = metrics.errorRate;
    const rate = metrics.requestRate.value;
    const share = value === null ? null : value / 100;
    return {
      value: rate === null ? null : rate < ENOUGH_CALLS ? 0 : share,
      says: () => `${percent(share)} of the calls to ${system} fail by its own fault`,
    };
  }),
  "system-saturated": systems(({ metrics, system }) => {
    const value = metrics.saturation.value === null ? null : metrics.saturation.value / 100;
    return { value, says: () => `${percent(value)} of the places of ${system} are taken` };
  }),
};

function systems(look: (system: SystemState) => Pick<Observation, "value" | "says">): Observe {
  return ({ state }) =>
    state === null
      ? NOTHING
      : {
          complete: true,
          of: state.systems.map((of) => {
            const { value, says } = look(of);
            return { subject: of.system, group: of.system, value: finite(value), says };
          }),
        };
}
