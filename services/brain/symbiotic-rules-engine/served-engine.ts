import type { StoreSchema, StoreService } from "../../../mixins/store/store.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import type { Engine } from "./engine.ts";
import type { Operations } from "./operations.ts";

/** `this` of the service: the engine is there while it runs. */
export type EngineService = StoreService & { engine?: Engine; operations?: Operations };
export type Actions = NonNullable<StoreSchema["actions"]>;

/** Who changes something over HTTP has the operator's token. */
export const OPERATOR = "operator";
/** For an action: the request says itself how long it may take. */
export const UNBOUNDED: object = { timeout: 0 };

/** @throws AzoraError SERVICE_UNAVAILABLE while it starts or stops */
export function engineOf(service: EngineService): Engine {
  if (service.engine) return service.engine;
  throw new AzoraError("SERVICE_UNAVAILABLE", "the symbiotic rules engine is starting");
}

/** @throws AzoraError SERVICE_UNAVAILABLE while it starts or stops */
export function running(service: EngineService): Operations {
  engineOf(service);
  return service.operations!;
}
