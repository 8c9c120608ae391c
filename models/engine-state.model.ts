import type { Model } from "./model.ts";

/** What the engine has to know again after a restart, by part. */
export interface EngineState {
  state: Record<string, unknown>;
}

export const engineStateModel: Model<EngineState> = {
  name: "engine_states",
  fields: { state: { type: "object" } },
};
