import { randomBytes } from "node:crypto";
import type { Settings } from "../../../../runtime/settings.ts";
import type { Algorithm } from "../../../../tlog/keys.ts";

/** Name of a log that has none yet. Two organisms of one name still have two logs. */
export function newOrigin(settings: Pick<Settings, "AZORA_CHAIN_ORIGIN" | "AZORA_NAMESPACE">): string {
  return settings.AZORA_CHAIN_ORIGIN || `azora.local/${settings.AZORA_NAMESPACE}/${randomBytes(4).toString("hex")}`;
}

export function wantedAlgorithms({ AZORA_CHAIN_ML_DSA }: Pick<Settings, "AZORA_CHAIN_ML_DSA">): Algorithm[] {
  return ["ed25519", "rsa-pss-3072", ...(AZORA_CHAIN_ML_DSA === "on" ? ["ml-dsa-44" as const] : [])];
}
