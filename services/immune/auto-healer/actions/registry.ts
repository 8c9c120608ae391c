import type { Topology, TopologyService } from "../../../../models/topology.ts";
import { AzoraError } from "../../../../runtime/errors.ts";
import { nearest } from "../../../../runtime/nearest.ts";
import type { HealingAction } from "./healing-action.ts";
import { type Call, ownActions } from "./own-actions.ts";

/** Everything that can be done: what is built in, what services offer for themselves, what plug-ins bring. */
export class ActionRegistry {
  readonly #general: readonly HealingAction[];
  readonly #call: Call;

  constructor(general: readonly HealingAction[], call: Call) {
    this.#general = general;
    this.#call = call;
  }

  all({ services }: Topology): HealingAction[] {
    return [...this.#general, ...services.flatMap((service) => this.#own(service))];
  }

  /** What may be done for a service, or for a node where none is named. */
  for(service: TopologyService | undefined): HealingAction[] {
    return service ? [...this.#general, ...this.#own(service)] : [...this.#general];
  }

  /** @throws AzoraError HEALING_ACTION_UNKNOWN with the nearest */
  find(type: string, service: TopologyService | undefined, topology: Topology): HealingAction {
    const there = this.for(service);
    const found = there.find((one) => one.type === type);
    if (found) return found;
    const elsewhere = this.all(topology).find((one) => one.type === type);
    if (elsewhere) {
      throw new AzoraError(
        "HEALING_ACTION_UNKNOWN",
        `actionType is "${type}", which only ${elsewhere.service} offers, for itself`,
        { field: "actionType", value: type, allowed: there.map((one) => one.type) },
      );
    }
    const names = there.map((one) => one.type);
    const meant = nearest(type, names);
    throw new AzoraError(
      "HEALING_ACTION_UNKNOWN",
      `actionType is "${type}", but must be one of ${names.join(", ")}${meant ? `; did you mean ${meant}?` : ""}`,
      { field: "actionType", value: type, allowed: names, ...(meant ? { nearest: meant } : {}) },
    );
  }

  #own(service: TopologyService): HealingAction[] {
    const taken = new Set(this.#general.map(({ type }) => type));
    return ownActions(service, this.#call).filter(({ type }) => !taken.has(type));
  }
}
