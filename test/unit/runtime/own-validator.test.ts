import { afterEach, expect, jest, test } from "@jest/globals";
import { ServiceBroker, type ServiceSchema } from "moleculer";
import { OwnValidator } from "../../../runtime/own-validator.ts";

const brokers: ServiceBroker[] = [];
afterEach(() => Promise.all(brokers.splice(0).map((broker) => broker.stop())));

async function started(schema: ServiceSchema) {
  const validator = new OwnValidator();
  const compile = jest.spyOn(validator, "compile");
  const broker = new ServiceBroker({ logger: false, validator: validator as never, internalServices: false });
  brokers.push(broker);
  broker.createService({
    actions: { double: { params: { n: "number" }, handler: (ctx) => ctx.params.n * 2 } },
    ...schema,
  });
  await broker.start();
  return { broker, compile };
}

test.each<[string, ServiceSchema]>([
  ["a node's own service", { name: "node-host" }],
  ["a runtime system", { name: "healer", metadata: { capabilities: ["runtime"] } }],
])("the checks of %s are compiled once, with the first call", async (_what, schema) => {
  const { broker, compile } = await started(schema);
  expect(compile).not.toHaveBeenCalled();
  await expect(broker.call(`${schema.name}.double`, { n: "two" })).rejects.toMatchObject({ type: "VALIDATION_ERROR" });
  await expect(broker.call(`${schema.name}.double`, { n: 2 })).resolves.toBe(4);
  expect(compile).toHaveBeenCalledTimes(1);
});

test("a wrong check of any other service is told when the service is made", async () => {
  const { broker, compile } = await started({ name: "posts" });
  expect(compile).toHaveBeenCalled();
  const wrong = { name: "comments", actions: { find: { params: { n: "no such rule" }, handler: () => 1 } } };
  expect(() => broker.createService(wrong)).toThrow(/no such rule/);
});
