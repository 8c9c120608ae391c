import { describe, expect, test } from "@jest/globals";
import { BusyCores } from "../../../../services/brain/symbiotic-rules-engine/actions/busy-cores.ts";
import { rule, settled, World, why } from "./actor.ts";

describe("busy cores", () => {
  test("are known by time on each core, however many there are", () => {
    const times = { busy: 0, idle: 0, cores: 64 };
    const cores = new BusyCores(() => ({ ...times }));
    times.busy += 64 * 400;
    expect(cores.share()).toBeNull();
    times.idle += 64 * 100;
    expect(cores.share()).toBe(0.8);
    times.idle += 64 * 499;
    expect(cores.share()).toBe(0.8);
    times.idle += 64;
    expect(cores.share()).toBe(0);
  });

  test("are looked at every few seconds, so that an act is not decided by how busy they were long ago", async () => {
    const times = { busy: 0, idle: 0, cores: 2 };
    const cores = new BusyCores(() => ({ ...times }));
    const world = new World();
    Object.defineProperty(world.machine, "busy", { get: () => cores.share() });
    for (let second = 0; second < 3600; second++) {
      times.idle += 2000;
      world.clock.advance(1000);
      world.actor.tick(world.clock.now(), []);
    }
    for (let second = 0; second < 12; second++) {
      times.busy += 2000;
      world.clock.advance(1000);
      world.actor.tick(world.clock.now(), []);
    }
    await settled();
    world.set({ "heart.cpu": 95, "heart.saturation": 100 });
    const { actions } = await world.actor.act(rule("r", [{ type: "scaleSystem", target: "heart" }]), why("r"));
    expect(actions[0]).toMatchObject({ status: "refused", what: expect.stringContaining("100 % busy") });
  });
});
