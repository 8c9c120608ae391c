import { describe, expect, test } from "@jest/globals";
import type { HealingRequest } from "../../../models/healing.ts";
import { builtInActions } from "../../../services/immune/auto-healer/actions/built-in.ts";
import { checkRequest } from "../../../services/immune/auto-healer/actions/check-request.ts";
import { ActionRegistry } from "../../../services/immune/auto-healer/actions/registry.ts";
import { knownNode, knownService, topologyOf } from "../../support/topology.ts";

const calls: [string, object, object][] = [];
const answers: Record<string, unknown> = {};
const call = async (action: string, params: object, options: object) => {
  calls.push([action, params, options]);
  return answers[action];
};
const topology = topologyOf(
  [
    knownService("web-service", { aliases: ["web"] }),
    knownService("library", { healing: { actions: [{ type: "data-repair", action: "repair", timeout: 500 }] } }),
  ],
  [knownNode("heart-1", ["web-service", "library"]), knownNode("brain-1")],
);
const registry = new ActionRegistry(
  builtInActions(() => Promise.reject(new Error("unused"))),
  call,
);

const check = (request: Partial<HealingRequest>) =>
  checkRequest({ id: "x", actionType: "restart", priority: "medium", parameters: {}, ...request }, topology, registry);

describe("what is asked of the healer", () => {
  test("gets full names, and the action's own time where none is given", () => {
    expect(check({ service: "web" }).order).toMatchObject({ target: { service: "web-service" }, timeout: 30_000 });
    expect(check({ service: "library", actionType: "data-repair" }).order.timeout).toBe(500);
    expect(check({ service: "web", timeout: 7 }).order.timeout).toBe(7);
  });

  test("may be for a node, also where the service's place holds its id", () => {
    expect(check({ node: "heart-1" }).order.target).toEqual({ node: "heart-1" });
    expect(check({ service: "heart-1" }).order.target).toEqual({ node: "heart-1" });
    expect(check({ service: "web", node: "heart-1" }).order.target).toEqual({
      service: "web-service",
      node: "heart-1",
    });
  });

  test.each<[Partial<HealingRequest>, string, string]>([
    [
      { service: "web-servise" },
      "SERVICE_UNKNOWN",
      'service is "web-servise", but no service is named so; did you mean web-service?',
    ],
    [{ node: "haert-1" }, "SERVICE_UNKNOWN", 'node is "haert-1", but no node is named so; did you mean heart-1?'],
    [{}, "VALIDATION_ERROR", "service is missing, but must be the name of a service, or node the id of a node"],
    [
      { service: "web", node: "brain-1" },
      "VALIDATION_ERROR",
      'node is "brain-1", but must be a node that carries web-service: heart-1',
    ],
    [
      { service: "web", actionType: "restrat" },
      "HEALING_ACTION_UNKNOWN",
      'actionType is "restrat", but must be one of restart, scale-up, scale-down, reconnect, clear-cache, failover, resource-adjust; did you mean restart?',
    ],
    [
      { service: "web", actionType: "data-repair" },
      "HEALING_ACTION_UNKNOWN",
      'actionType is "data-repair", which only library offers, for itself',
    ],
    [
      { service: "web", parameters: { force: "yes" } },
      "VALIDATION_ERROR",
      'restart: parameters.force is "yes", but must be a boolean',
    ],
    [
      { service: "web", parameters: { gently: true } },
      "VALIDATION_ERROR",
      "restart: parameters.gently not known here; known are force",
    ],
    [
      { service: "web", actionType: "scale-up", parameters: { by: 0 } },
      "VALIDATION_ERROR",
      "scale-up: parameters.by is 0, but must be greater than or equal to 1",
    ],
    [
      { service: "web", actionType: "resource-adjust" },
      "VALIDATION_ERROR",
      "parameters is {}, but must be an object with concurrency, memoryLimitMB or niceness",
    ],
  ])("%j is refused with what is wrong", (request, type, message) => {
    expect(() => check(request)).toThrow(expect.objectContaining({ type, message }));
  });
});

describe("a service's own action", () => {
  const { order, action } = check({
    service: "library",
    actionType: "data-repair",
    parameters: { shelf: 3, force: true },
  });
  const carryOut = () => action.carryOut(order, new AbortController().signal);

  test("is called with its parameters, and believed in what it saw", async () => {
    calls.length = 0;
    answers["library.repair"] = {
      success: true,
      reason: "2 books put back",
      observed: { before: "2 lost", after: "0 lost" },
    };
    expect(await carryOut()).toEqual({
      success: true,
      reason: "2 books put back",
      observed: { before: "2 lost", after: "0 lost" },
    });
    expect(calls.find(([name]) => name === "library.repair")![1]).toEqual({ shelf: 3 });
  });

  test("that does not say what it saw is judged by the service's health", async () => {
    answers["library.repair"] = undefined;
    answers["library.health"] = { status: "unhealthy" };
    expect(await carryOut()).toMatchObject({ success: false, reason: "the service is unhealthy still" });
    answers["library.health"] = { status: "healthy" };
    expect(await carryOut()).toMatchObject({ success: true, observed: { before: "healthy", after: "healthy" } });
  });
});
