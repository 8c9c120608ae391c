import type { HealingRecord, HealingResult } from "../../models/healing.ts";
import { type Check, expect, until } from "./check.ts";
import { probes } from "./probes.ts";

export const healing: Check = {
  name: "healing",
  about: "the healer restarts a service when it is told to, sees it healthy, and remembers it",
  async run(world) {
    await world.needsProbe();
    const id = world.run;
    const { success, observed, duration, reason } = await world.api<HealingResult>("/orchestrator/heal", {
      method: "POST",
      timeout: 60_000,
      // Nobody calls it now, and a test may follow another one sooner than a cooldown ends.
      body: { id, service: "self-test", actionType: "restart", parameters: { force: true } },
    });
    expect(success, `restart of self-test did not help: ${reason}`);
    await world.probe(probes.echo(world.run));
    const record = await until(world, "the restart in the healing history", async () => {
      const history = await world.api<HealingRecord[]>("/orchestrator/healing-history?limit=50");
      return history.find((one) => one.id === id);
    });
    expect(record.success, `its record says that it did not help: ${record.reason}`);
    const { body, status } = await world.ask("/health/auto-healer");
    expect(status === 200, `the healer is ${body["status"]}: ${JSON.stringify(body["checks"])}`);
    return `self-test was restarted in ${duration} ms; before ${observed.before}, after ${observed.after}`;
  },
};
