import type { AlertDefinition } from "../../../../../runtime/alerts/definition.ts";
import { CHAIN_OBSERVATIONS } from "./chain.ts";
import { DELIVERY_OBSERVATIONS } from "./delivery.ts";
import { HARMONY_OBSERVATIONS } from "./harmony.ts";
import { NODE_OBSERVATIONS } from "./nodes.ts";
import type { Observations, Observe } from "./observation.ts";
import { own } from "./own.ts";
import { SERVICE_OBSERVATIONS } from "./services.ts";
import { SYSTEM_OBSERVATIONS } from "./systems.ts";

/** Of the built-in definitions. A test holds these equal. */
export const OBSERVATIONS: Observations = {
  ...SERVICE_OBSERVATIONS,
  ...SYSTEM_OBSERVATIONS,
  ...NODE_OBSERVATIONS,
  ...CHAIN_OBSERVATIONS,
  ...HARMONY_OBSERVATIONS,
  ...DELIVERY_OBSERVATIONS,
};

/** How that is seen which a definition is about. */
export function observed(definition: AlertDefinition): Observe {
  return definition.metric === undefined ? OBSERVATIONS[definition.id]! : own(definition.metric, definition);
}
