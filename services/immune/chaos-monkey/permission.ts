import { AzoraError } from "../../../runtime/errors.ts";
import { readSettings } from "../../../runtime/settings.ts";

export const HOW_TO_ENABLE = "set AZORA_CHAOS=on and start the organism anew";

export function isEnabled(): boolean {
  return readSettings().AZORA_CHAOS === "on";
}

/** @throws AzoraError CHAOS_REFUSED where the setting is off */
export function refuseWhereOff(): void {
  if (!isEnabled())
    throw new AzoraError("CHAOS_REFUSED", `Chaos is off, and nothing is broken; ${HOW_TO_ENABLE}`, {
      setting: "AZORA_CHAOS",
    });
}
