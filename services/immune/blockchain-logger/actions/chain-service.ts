import type { ActionSchema, Service, ServiceSchema, ServiceSettingSchema } from "moleculer";
import type { CaptureSwitch } from "../capture-switch.ts";
import type { ChainHost } from "../chain-host.ts";

export type ChainService = Service & { host: ChainHost; capture: CaptureSwitch };
export type ChainSchema = ServiceSchema<
  ServiceSettingSchema,
  Record<string, unknown>,
  Record<string, unknown>,
  ChainService
>;
/** Moleculer's types do not know what other parts of the organism read of an action. */
type ChainAction = ActionSchema<ChainService> & {
  description: string;
  idempotent?: true;
  /** ms; 0: no limit. */
  timeout?: number;
  /** As many may run at once as come. */
  concurrency?: false;
};
export type ChainActions = Record<string, ChainAction>;
