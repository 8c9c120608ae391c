import { type Check, expect, Skip } from "./check.ts";

export const rules: Check = {
  name: "rules",
  about: "the engine of the symbiotic rules is there and well",
  async run(world) {
    const { status, body } = await world.ask("/health/symbiotic");
    if (status === 404) throw new Skip("not there yet: this release has no symbiotic rules engine");
    expect(status === 200, `it is ${body["status"]}: ${JSON.stringify(body["checks"])}`);
    return "the engine is healthy";
  },
};
