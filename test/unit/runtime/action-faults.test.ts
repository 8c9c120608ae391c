import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { Errors, ServiceBroker } from "moleculer";
import { AzoraError } from "../../../runtime/errors.ts";
import { VitalsRegistry, vitalsMiddleware } from "../../../runtime/vitals/action-vitals.ts";
import { NodeVitals } from "../../../runtime/vitals/node-vitals.ts";

let broker: ServiceBroker;
let vitals: VitalsRegistry;
let node: NodeVitals;

beforeEach(async () => {
  vitals = new VitalsRegistry();
  node = new NodeVitals({ node: "muscles-1", instanceId: "life-1", registry: vitals });
  broker = new ServiceBroker({ logger: false, middlewares: [vitalsMiddleware(vitals)] } as never);
  broker.createService({
    name: "mill",
    actions: {
      fail: (ctx: { params: { error: Error } }) => {
        throw ctx.params.error;
      },
    },
  } as never);
  await broker.start();
});
afterEach(async () => {
  node.stop();
  await broker.stop();
});

test("a caller's mistake and what a deeper call met are errors and no faults; whatever else is thrown is both", async () => {
  const thrown = [
    new AzoraError("VALIDATION_ERROR", "age is -1"),
    new AzoraError("NOT_FOUND", "no such flour"),
    new Error("connect ECONNREFUSED 127.0.0.1:5432"),
    new AzoraError("STORE_UNAVAILABLE", "disk is full"),
    // Of services that this one needs: they are to be healed, not this one.
    new Errors.ServiceNotFoundError({ action: "grain.get" }),
    new AzoraError("CIRCUIT_OPEN", "grain is spared", { action: "grain.get" }),
  ];
  for (const error of thrown) await broker.call("mill.fail", { error }).catch(() => {});
  expect(vitals.actions.get("mill.fail")).toMatchObject({ errors: 6, faults: 2 });
  expect(node.report().actions).toEqual([
    expect.objectContaining({
      errors: 6,
      faults: 2,
      lastFault: "STORE_UNAVAILABLE: disk is full",
    }),
  ]);
  await broker.call("mill.fail", { error: new AzoraError("NOT_FOUND", "none") }).catch(() => {});
  expect(node.report().actions[0]).toMatchObject({ errors: 1, faults: 0 });
  expect(node.report().actions).toEqual([]);
});
