import type { AlertDefinition } from "../definition.ts";
import { CHAIN_ALERTS } from "./chain.ts";
import { DELIVERY_ALERTS } from "./delivery.ts";
import { HARMONY_ALERTS } from "./harmony.ts";
import { NODE_ALERTS } from "./nodes.ts";
import { SERVICE_ALERTS } from "./services.ts";
import { SYSTEM_ALERTS } from "./systems.ts";

/** What is an alert as long as no file says otherwise. */
export const BUILT_IN_ALERTS: readonly AlertDefinition[] = [
  ...SERVICE_ALERTS,
  ...SYSTEM_ALERTS,
  ...NODE_ALERTS,
  ...CHAIN_ALERTS,
  ...HARMONY_ALERTS,
  ...DELIVERY_ALERTS,
];
