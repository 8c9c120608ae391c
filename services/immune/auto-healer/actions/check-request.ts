import { Validators } from "moleculer";
import type { HealingRequest, HealingTarget } from "../../../../models/healing.ts";
import type { Topology } from "../../../../models/topology.ts";
import { AzoraError } from "../../../../runtime/errors.ts";
import { type FieldError, fieldErrors } from "../../../../runtime/field-errors.ts";
import { nearest } from "../../../../runtime/nearest.ts";
import { nearestService, nodeOf, serviceOf } from "../topology.ts";
import { FORCE } from "./built-in.ts";
import type { HealingAction, Order } from "./healing-action.ts";
import type { ActionRegistry } from "./registry.ts";

export interface Checked {
  order: Order;
  action: HealingAction;
}

/**
 * What was asked for, with full names and its action.
 * @throws AzoraError SERVICE_UNKNOWN, HEALING_ACTION_UNKNOWN, VALIDATION_ERROR naming field, value and what is allowed
 */
export function checkRequest(
  request: Omit<HealingRequest, "timeout"> & { timeout?: number },
  topology: Topology,
  registry: ActionRegistry,
): Checked {
  const target = targetOf(request, topology);
  const service = target.service === undefined ? undefined : serviceOf(topology, target.service);
  const action = registry.find(request.actionType, service, topology);
  checkParameters(action, request.parameters);
  const { id, priority, parameters } = request;
  const timeout = request.timeout ?? action.timeout;
  const order: Order = {
    id,
    action: action.type,
    target,
    priority,
    parameters,
    timeout,
    by: "operator",
    reason: "it was asked for",
  };
  return { order, action };
}

function targetOf({ service, node }: Pick<HealingRequest, "service" | "node">, topology: Topology): HealingTarget {
  if (service === undefined && node === undefined) {
    throw wrong("service", undefined, "the name of a service, or node the id of a node");
  }
  const target: HealingTarget = {};
  if (service !== undefined) {
    const known = serviceOf(topology, service);
    const asNode = known ? undefined : nodeOf(topology, service);
    if (known) target.service = known.name;
    else if (asNode && (node === undefined || node === service)) return { node: asNode.id };
    else throw unknown("service", service, nearestService(topology, service));
  }
  if (node === undefined) return target;
  const known = nodeOf(topology, node);
  const ids = topology.nodes.map(({ id }) => id);
  if (!known) throw unknown("node", node, nearest(node, ids));
  if (target.service !== undefined && !known.services.includes(target.service)) {
    const on = topology.nodes.filter(({ services }) => services.includes(target.service!)).map(({ id }) => id);
    throw wrong("node", node, `a node that carries ${target.service}: ${on.join(", ") || "there is none"}`);
  }
  return { ...target, node };
}

function checkParameters({ type, parameters: rules }: HealingAction, parameters: Record<string, unknown>): void {
  // A service checks its own parameters.
  if (!rules) return;
  const check = new Validators.Fastest().compile({ force: FORCE, ...rules, $$strict: true } as never) as (
    value: unknown,
  ) => true | unknown[];
  const report = check(structuredClone(parameters));
  if (report !== true) {
    const errors = (fieldErrors(report) as FieldError[]).map((one) => ({ ...one, field: `parameters.${one.field}` }));
    const detail = errors.map(
      ({ field, value, allowed }) =>
        `${field}${value === undefined ? "" : ` is ${JSON.stringify(value)}, but`} ${allowed}`,
    );
    throw new AzoraError("VALIDATION_ERROR", `${type}: ${detail.join("; ")}`, { errors });
  }
  if (type !== "resource-adjust") return;
  const named = ["concurrency", "memoryLimitMB", "niceness"].some((name) => parameters[name] !== undefined);
  if (!named) throw wrong("parameters", parameters, "an object with concurrency, memoryLimitMB or niceness");
}

function unknown(field: "service" | "node", value: string, meant: string | undefined): AzoraError {
  const detail = `${field} is "${value}", but no ${field} is named so${meant ? `; did you mean ${meant}?` : ""}`;
  return new AzoraError("SERVICE_UNKNOWN", detail, { field, value, ...(meant ? { nearest: meant } : {}) });
}

function wrong(field: string, value: unknown, allowed: string): AzoraError {
  const shown = value === undefined ? "is missing" : `is ${JSON.stringify(value)}`;
  return new AzoraError("VALIDATION_ERROR", `${field} ${shown}, but must be ${allowed}`, {
    errors: [{ field, value, allowed: `must be ${allowed}` }],
  });
}
