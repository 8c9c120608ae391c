import type { HarmonyScore } from "../../../../../models/organism-state.ts";
import {
  ENOUGH_KNOWN,
  finite,
  type Memory,
  NOTHING,
  type Observation,
  type Observations,
  type Observe,
  one,
} from "./observation.ts";
import { percent, round } from "./says.ts";

export const HARMONY_OBSERVATIONS: Observations = {
  "harmony-low": harmony(({ score, confidence }) => ({
    value: confidence < ENOUGH_KNOWN ? null : score,
    says: () => `harmony is ${round(score)} of 100`,
  })),
  "harmony-dropped": harmony(({ score, confidence }, { scores }) => {
    const value = confidence < ENOUGH_KNOWN ? null : scores.drop(score);
    return { value, says: () => `harmony has dropped by ${round(value ?? 0)} points, to ${round(score)}` };
  }),
  "harmony-unknown": harmony(({ confidence }) => ({
    value: confidence,
    says: () => `only ${percent(confidence)} of what harmony is made of is known`,
  })),
};

type Look = (harmony: HarmonyScore, memory: Memory) => Pick<Observation, "value" | "says">;

function harmony(look: Look): Observe {
  return ({ state }, memory) => {
    if (state === null) return NOTHING;
    const { value, says } = look(state.harmony, memory);
    return one({ subject: "harmony", group: "organism", value: finite(value), says });
  };
}
