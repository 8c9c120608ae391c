import type { Failure } from "../../../models/healing.ts";

export type PredictiveMode = "off" | "shadow" | "on";

/** Reads AZORA_HEALING_PREDICTIVE: `off`, `on`, or `leaking=on,slow=shadow`; what is not named is off. */
export function predictiveMode(setting: string, failure: Failure): PredictiveMode {
  let mode: PredictiveMode = "off";
  for (const part of setting.split(",")) {
    const [name, value] = part.split("=") as [string, PredictiveMode | undefined];
    if (value === undefined) mode = name as PredictiveMode;
    else if (name === failure) return value;
  }
  return mode;
}
