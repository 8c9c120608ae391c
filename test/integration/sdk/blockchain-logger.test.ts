import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { AzoraBlockchainLogger } from "../../../sdk/blockchain-logger.ts";
import { ServedChain } from "../blockchain-logger/served-chain.ts";

let chain: ServedChain;
beforeAll(async () => {
  chain = await ServedChain.start();
});
afterAll(() => chain.stop());

describe.each([
  ["HTTP", () => new AzoraBlockchainLogger({ url: chain.orchestrator, token: chain.token })],
  ["the bus", () => new AzoraBlockchainLogger({ broker: chain.broker as never })],
])("over %s", (way, make) => {
  test("what was logged can be read, and the whole be validated", async () => {
    const logger = make();
    await logger.initialize();
    const data = { service: "auth", severity: "high" };
    const id = await logger.logEvent("security.alert", data, { actor: "guard", waitFor: "checkpointed" });
    const entry = await logger.getEntry(id);
    expect(entry).toMatchObject({
      id,
      eventType: "security.alert",
      data,
      actor: "guard",
      blockHeight: expect.any(Number),
    });
    expect(await logger.getEntry(entry.index)).toEqual(entry);
    expect(await logger.validateBlockchain()).toMatchObject({ isValid: true, problemCount: 0, problems: [] });
    const stats = await logger.getBlockchainStats();
    expect(stats.entries).toBeGreaterThan(entry.index);
    await logger.shutdown();
    await expect(logger.logEvent("a", {})).rejects.toMatchObject({ code: "CONFLICT" });
  });

  test("the same idempotency key gives the same id", async () => {
    const logger = make();
    await logger.initialize();
    const options = { idempotencyKey: `payment over ${way}` };
    const id = await logger.logEvent("mint.transaction.sent", { cents: 1 }, options);
    expect(await logger.logEvent("mint.transaction.sent", { cents: 1 }, options)).toBe(id);
    await logger.shutdown();
  });

  test.each([
    [{ price: [1, Number.NaN] }, "data.price[1]"],
    [{ text: "\ud800" }, "data.text"],
    [{ number: 2 ** 53 }, "data.number"],
    [{ big: 1n }, "data.big"],
  ])("what JSON would alter on its way is refused with its path: %p", async (data, path) => {
    const logger = make();
    await logger.initialize();
    await expect(logger.logEvent("shop.sold", data)).rejects.toMatchObject({
      code: "CHAIN_ENTRY_INVALID",
      status: 400,
      message: expect.stringContaining(path),
    });
    await logger.shutdown();
  });

  test("what is refused comes as an error with its code", async () => {
    const logger = make();
    await expect(logger.getBlockchainStats()).rejects.toThrow("call initialize() first");
    await logger.initialize();
    await expect(logger.getEntry(123_456)).rejects.toMatchObject({
      name: "BlockchainLoggerError",
      code: "NOT_FOUND",
      status: 404,
    });
    await expect(logger.logEvent("not a type!", {})).rejects.toMatchObject({
      code: "VALIDATION_ERROR",
      errors: [expect.objectContaining({ field: "eventType" })],
    });
    await expect(logger.logEvent("chain.forged", {})).rejects.toMatchObject({ code: "CHAIN_ENTRY_INVALID" });
    await logger.shutdown();
  });
});

test("a wrong token and an organism that is away are told", async () => {
  const stranger = new AzoraBlockchainLogger({ url: chain.orchestrator, token: "guessed" });
  await stranger.initialize();
  await expect(stranger.logEvent("a", {})).rejects.toMatchObject({ code: "UNAUTHORIZED", status: 401 });
  await expect(new AzoraBlockchainLogger({ url: "http://127.0.0.1:1", token: "" }).initialize()).rejects.toMatchObject({
    code: "SERVICE_UNAVAILABLE",
  });
});
