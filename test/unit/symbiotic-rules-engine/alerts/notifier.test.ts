import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { SYSTEMS } from "../../../../models/metrics.ts";
import { ChannelError } from "../../../../services/brain/symbiotic-rules-engine/alerts/channel.ts";
import { Notifier, type NotifierOptions } from "../../../../services/brain/symbiotic-rules-engine/alerts/notifier.ts";
import type { ServiceFacts, Situation } from "../../../../services/brain/symbiotic-rules-engine/alerts/situation.ts";
import { FakeChannel, settle } from "./fake-channel.ts";
import { AlertWorld, service, situation } from "./situations.ts";

class TellingWorld extends AlertWorld {
  readonly channel = new FakeChannel();
  readonly trouble: string[] = [];
  notifier: Notifier;
  readonly #options: Partial<NotifierOptions>;

  constructor(options: Partial<NotifierOptions> = {}) {
    super({ channels: () => this.notifier?.states() ?? [] });
    this.#options = options;
    this.notifier = this.newNotifier();
  }

  newNotifier(): Notifier {
    return new Notifier({
      manager: this.manager,
      channels: [this.channel],
      clock: this.clock,
      wall: this.wall,
      organism: "azora",
      severity: "warning",
      repeat: 4 * 3_600_000,
      trouble: (channel, what) => this.trouble.push(`${channel} ${what}`),
      told: () => {},
      random: () => 0.5,
      ...this.#options,
    });
  }

  async live(seconds: number, of: Situation): Promise<void> {
    for (let i = 0; i < seconds; i++) {
      this.pass(1, of);
      this.notifier.tick();
      await settle();
    }
  }

  /** The engine is killed; another one goes on from what was on the disk. */
  override restart(ms = 0): void {
    const told = JSON.parse(JSON.stringify(this.notifier.snapshot()));
    super.restart(ms);
    this.notifier = this.newNotifier();
    this.notifier.restore(told);
  }
}

const failing = (...names: string[]) =>
  situation({
    services: ["shop", "cart", "till"].map((name) => service(name, names.includes(name) ? "unhealthy" : "healthy")),
  });

describe("a receiver of alerts", () => {
  test("is told together what begins together, and its end", async () => {
    const world = new TellingWorld();
    await world.live(60, failing("shop", "cart"));
    expect(world.channel.told()).toEqual(["firing heart: service-failed shop, service-failed cart"]);
    expect(world.channel.taken[0]).toMatchObject({ organism: "azora", severity: "warning", firing: 2, more: 0 });
    await world.live(120, failing("cart"));
    await world.live(120, failing());
    expect(world.channel.told().slice(1)).toEqual([
      "resolved heart: ended service-failed shop",
      "resolved heart: ended service-failed cart",
    ]);
    expect(world.channel.taken.map(({ firing }) => firing)).toEqual([2, 1, 0]);
  });

  test("is told of one group once a minute at most, and of something critical at once", async () => {
    const world = new TellingWorld();
    await world.live(36, failing("shop"));
    expect(world.channel.taken).toHaveLength(1);
    const services = [service("shop", "unhealthy"), service("cart", "unhealthy")];
    await world.live(40, situation({ services }));
    expect(world.channel.taken).toHaveLength(1);
    services.push(service("till", "unhealthy", { priority: "critical" }));
    await world.live(16, situation({ services }));
    expect(world.channel.told()[1]).toBe("firing heart: critical-service-failed till, service-failed cart");
  });

  test("is told again after hours what nobody has acknowledged", async () => {
    const world = new TellingWorld({ repeat: 600_000 });
    await world.live(1300, failing("shop"));
    expect(world.channel.told()).toEqual(
      ["firing", "repeat", "repeat"].map((kind) => `${kind} heart: service-failed shop`),
    );
    expect(new Set(world.channel.taken.map(({ id }) => id)).size).toBe(3);
    world.manager.acknowledge(world.manager.list()[0]!.id, "ann", "I see to it");
    await world.live(3600, failing("shop"));
    expect(world.channel.taken).toHaveLength(3);
    await world.live(60, failing());
    expect(world.channel.told()[3]).toBe("resolved heart: ended service-failed shop");
  });

  test("is spared what is less severe than it wants to know", async () => {
    const world = new TellingWorld({ severity: "critical" });
    await world.live(600, failing("shop"));
    await world.live(60, failing());
    expect(world.channel.tries).toBe(0);
  });
});

describe("a silence", () => {
  test("keeps what it matches from being told, until it is over", async () => {
    const world = new TellingWorld();
    const { id } = world.manager.silence({ matchers: { subject: "sh*p" }, until: world.wall() + 300_000, by: "ann" });
    await world.live(290, failing("shop"));
    expect(world.manager.list()[0]).toMatchObject({ state: "firing", silenced: id });
    expect(world.channel.tries).toBe(0);
    await world.live(20, failing("shop"));
    expect(world.channel.told()).toEqual(["firing heart: service-failed shop"]);
    expect(world.manager.silences()).toEqual([]);
  });

  test("lets what came and went meanwhile be forgotten, and the end of what was told before be told", async () => {
    const world = new TellingWorld();
    await world.live(40, failing("shop"));
    world.manager.silence({ matchers: { alert: "service-*" }, until: world.wall() + 600_000, by: "ann" });
    await world.live(60, failing("shop", "cart"));
    await world.live(700, failing());
    expect(world.channel.told()).toEqual([
      "firing heart: service-failed shop",
      "resolved heart: ended service-failed shop",
    ]);
  });

  test("lasts as long as it was to, whatever is done to the clock", async () => {
    const world = new TellingWorld();
    world.manager.silence({ matchers: { subject: "*" }, until: world.wall() + 300_000, by: "ann" });
    world.jump -= 86_400_000;
    await world.live(299, failing());
    expect(world.manager.silences()).toHaveLength(1);
    world.restart();
    await world.live(2, failing());
    expect(world.manager.silences()).toHaveLength(0);
  });

  test("goes on after a restart with what was left of it", async () => {
    const world = new TellingWorld();
    world.manager.silence({ matchers: { subject: "*" }, until: world.wall() + 300_000, by: "ann", comment: "tests" });
    world.restart(100_000);
    expect(world.manager.silences()[0]).toMatchObject({ by: "ann", comment: "tests" });
    await world.live(199, failing());
    expect(world.manager.silences()).toHaveLength(1);
    await world.live(2, failing());
    expect(world.manager.silences()).toHaveLength(0);
  });

  test.each([
    [{}, 1000, "at least one of alert, subject"],
    [{ sujet: "shop" }, 1000, "did you mean subject?"],
    [{ subject: "" }, 1000, "a text of 1 to 200 characters"],
    [{ subject: 7 }, 1000, "a text of 1 to 200 characters"],
    [{ subject: "shop" }, 0, "within the next 30 days"],
    [{ subject: "shop" }, 31 * 86_400_000, "within the next 30 days"],
    [{ subject: "shop" }, Number.NaN, "within the next 30 days"],
  ])("of %j for %d ms is refused with what is allowed", (matchers, ms, allowed) => {
    const world = new AlertWorld();
    const silence = () => world.manager.silence({ matchers: matchers as never, until: world.wall() + ms, by: "ann" });
    expect(silence).toThrow(
      expect.objectContaining({ type: "VALIDATION_ERROR", message: expect.stringContaining(allowed) }),
    );
  });

  test("is one of 200 at most", () => {
    const world = new AlertWorld();
    const silence = () => world.manager.silence({ matchers: { subject: "x" }, until: world.wall() + 1000, by: "ann" });
    for (let i = 0; i < 200; i++) silence();
    expect(silence).toThrow(expect.objectContaining({ type: "CONFLICT" }));
    world.clock.advance(1000);
    silence();
    expect(world.manager.silences()).toHaveLength(1);
  });
});

describe("a receiver that does not take alerts", () => {
  test("is tried again ever later, and told once when it is back", async () => {
    const world = new TellingWorld();
    world.channel.mood = "refuses";
    await world.live(3600, failing("shop"));
    expect(world.channel.tries).toBeGreaterThan(8);
    expect(world.channel.tries).toBeLessThan(25);
    world.channel.mood = "takes";
    await world.live(400, failing("shop"));
    expect(world.channel.told()).toEqual(["firing heart: service-failed shop"]);
    expect(world.list()).toContain("resolved alerts-undelivered webhook");
    expect(world.trouble).toEqual(["webhook does not take alerts: it answered 500", "webhook takes alerts again"]);
  });

  test("is told also what came and went meanwhile", async () => {
    const world = new TellingWorld();
    world.channel.mood = "refuses";
    await world.live(60, failing("shop"));
    await world.live(60, failing());
    world.channel.mood = "takes";
    await world.live(600, failing());
    expect(world.channel.told()).toEqual(["resolved heart: ended service-failed shop"]);
    expect(world.channel.taken[0]!.alerts[0]).toMatchObject({
      firedAt: expect.any(String),
      endedAt: expect.any(String),
    });
  });

  test("holds up no other, and is an alert of its own that the other is told", async () => {
    const mail = new FakeChannel("mail");
    const hung = new FakeChannel("webhook");
    hung.mood = "refuses";
    const world = new TellingWorld({ channels: [hung, mail] });
    await world.live(500, failing("shop"));
    expect(mail.told()).toEqual(["firing heart: service-failed shop", "firing organism: alerts-undelivered webhook"]);
  });

  test("that hangs has one message under way, and one made anew when it is over", async () => {
    const world = new TellingWorld();
    world.channel.mood = "hangs";
    await world.live(100, failing("shop"));
    await world.live(100, failing("shop", "cart"));
    expect(world.channel.tries).toBe(1);
    world.channel.mood = "takes";
    world.channel.release();
    await world.live(70, failing("shop", "cart"));
    expect(world.channel.told()).toEqual(["firing heart: service-failed shop", "firing heart: service-failed cart"]);
  });

  test("that refuses one message for good gets the others, and has trouble until it takes that one", async () => {
    const world = new TellingWorld();
    const send = world.channel.send.bind(world.channel);
    let isPicky = true;
    world.channel.send = async (message, signal) => {
      if (isPicky && message.group === "heart") throw new Error("it answered 400");
      await send(message, signal);
    };
    const services = [service("till", "unhealthy", { priority: "critical" })];
    const both = [...services, service("judge", "unhealthy", { system: "brain" })];
    await world.live(30, situation({ services }));
    await world.live(400, situation({ services: both }));
    expect(world.channel.told()[0]).toBe("firing brain: service-failed judge");
    expect(world.list()).toContain("firing alerts-undelivered webhook");
    expect(world.trouble).toEqual(["webhook does not take alerts: it answered 400"]);
    isPicky = false;
    await world.live(400, situation({ services: both }));
    expect(world.channel.told()).toContain("firing heart: critical-service-failed till");
    expect(world.trouble.at(-1)).toBe("webhook takes alerts again");
  });

  test("is left in peace for as long as it asks, ten minutes at most", async () => {
    const impatient = {
      name: "webhook",
      tries: 0,
      send: async () => {
        impatient.tries++;
        throw new ChannelError("it answered 429", 1e9);
      },
    };
    const world = new TellingWorld({ channels: [impatient] });
    await world.live(40, failing("shop"));
    expect(impatient.tries).toBe(1);
    await world.live(590, failing("shop"));
    expect(impatient.tries).toBe(1);
    await world.live(20, failing("shop"));
    expect(impatient.tries).toBe(2);
  });
});

describe("a storm of 10,000 alerts", () => {
  const services = (count: number, status: string): ServiceFacts[] =>
    Array.from({ length: count }, (_, i) => service(`s${i}`, status, { system: SYSTEMS[i % 7]! }));

  test("is seven messages that count them, and a table that is bounded", async () => {
    const world = new TellingWorld();
    const storm = situation({ services: services(10_000, "unhealthy") });
    await world.live(60, storm);
    expect(world.channel.taken).toHaveLength(7);
    for (const message of world.channel.taken) {
      expect(message.alerts).toHaveLength(20);
      expect(message.more).toBe(230);
      expect(JSON.stringify(message).length).toBeLessThan(20_000);
    }
    expect(world.channel.taken.reduce((sum, { firing }) => sum + firing, 0)).toBe(10_000);
    expect(world.manager.counts()).toEqual({ info: 0, warning: 1750, critical: 0, notKept: 8250, forgotten: 0 });
    expect(world.changes.length).toBeLessThanOrEqual(51);
    expect(world.changes.at(-1)).toEqual({ change: "many", more: 1700 });
    await world.live(100, situation({ services: services(10_000, "healthy") }));
    expect(world.manager.counts()).toEqual({ info: 0, warning: 0, critical: 0, notKept: 0, forgotten: 0 });
    expect(world.channel.taken.slice(7).map(({ kind, firing }) => `${kind} ${firing}`)).toEqual(
      Array(7).fill("resolved 0"),
    );
  });

  test("leaves room for what is critical, and for other systems", async () => {
    const world = new TellingWorld();
    const storm = services(2000, "unhealthy").map((one) => ({ ...one, system: "heart" }));
    const critical = service("till", "unhealthy", { priority: "critical" });
    const elsewhere = service("judge", "unhealthy", { system: "brain" });
    await world.live(40, situation({ services: storm }));
    await world.live(40, situation({ services: [...storm, critical, elsewhere] }));
    expect(world.list()).toContain("firing critical-service-failed till");
    expect(world.channel.told()).toContain("firing brain: service-failed judge");
  });

  test("of a rule's alerts is bounded and counted too", () => {
    const world = new AlertWorld();
    for (let i = 0; i < 10_000; i++)
      world.manager.raised.raise({
        id: "x",
        subject: `s${i}`,
        severity: "warning",
        summary: "x".repeat(5000),
        rule: "r",
      });
    world.pass(1);
    expect(world.manager.counts()).toMatchObject({ warning: 250, notKept: 9750 });
    expect(world.changes).toHaveLength(51);
    expect(world.changes.at(-1)).toEqual({ change: "many", more: 200 });
  });

  test("takes its time from nobody: a tick of it is a matter of milliseconds", () => {
    const world = new AlertWorld();
    const storm = situation({ services: services(10_000, "unhealthy") });
    world.pass(40, storm);
    const before = performance.now();
    world.pass(20, storm);
    expect((performance.now() - before) / 20).toBeLessThan(100);
  });
});

describe("a restart of the engine", () => {
  test("sends nothing twice that was taken, and what was not taken once", async () => {
    const world = new TellingWorld();
    await world.live(60, failing("shop"));
    world.restart(30_000);
    await world.live(300, failing("shop"));
    expect(world.channel.taken).toHaveLength(1);
    world.channel.mood = "refuses";
    await world.live(60, failing("shop", "cart"));
    world.restart(3_600_000);
    world.channel.mood = "takes";
    await world.live(60, failing("shop", "cart"));
    expect(world.channel.told()).toEqual(["firing heart: service-failed shop", "firing heart: service-failed cart"]);
  });

  test("while a message is under way sends it again with the same id, since nobody knows whether it arrived", async () => {
    const world = new TellingWorld();
    world.channel.mood = "lost";
    await world.live(36, failing("shop"));
    world.restart();
    world.channel.mood = "takes";
    await world.live(60, failing("shop"));
    const [first, second] = world.channel.taken;
    expect(world.channel.taken).toHaveLength(2);
    expect(second!.id).toBe(first!.id);
  });

  test("does not begin the hours until a repeat anew, also where the clock was set meanwhile", async () => {
    const world = new TellingWorld({ repeat: 600_000 });
    await world.live(300, failing("shop"));
    world.restart(10_000);
    await world.live(330, failing("shop"));
    expect(world.channel.taken).toHaveLength(2);
    world.jump -= 86_400_000;
    world.restart();
    await world.live(590, failing("shop"));
    expect(world.channel.taken).toHaveLength(2);
    await world.live(20, failing("shop"));
    expect(world.channel.taken).toHaveLength(3);
  });

  test("lets in-flight messages arrive where it is told to stop", async () => {
    const world = new TellingWorld();
    world.channel.mood = "hangs";
    await world.live(36, failing("shop"));
    const stopped = world.notifier.stop(3000);
    world.channel.release();
    await stopped;
    world.restart();
    world.channel.mood = "takes";
    await world.live(60, failing("shop"));
    expect(world.channel.taken).toHaveLength(1);
  });
});

describe("whatever happens", () => {
  const step = fc.record({
    seconds: fc.constantFrom(1, 7, 31, 70, 400),
    down: fc.subarray(["shop", "cart", "till", "judge"]),
    isKnown: fc.boolean(),
    mood: fc.constantFrom("takes", "takes", "refuses", "lost") as fc.Arbitrary<FakeChannel["mood"]>,
    restarts: fc.boolean(),
    jump: fc.constantFrom(0, 0, 0, 90_000_000, -90_000_000),
    silences: fc.constantFrom(null, null, { subject: "s*" }),
  });

  test("a receiver knows in the end what fires, and takes each change of each alert once", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const world = new TellingWorld();
        const services = (down: string[]) =>
          ["shop", "cart", "till", "judge"].map((name, i) =>
            service(name, down.includes(name) ? "unhealthy" : "healthy", {
              priority: name === "till" ? "critical" : "high",
              system: i < 3 ? "heart" : "brain",
            }),
          );
        let down: string[] = [];
        for (const { seconds, isKnown, mood, restarts, jump, silences, ...of } of steps) {
          down = of.down;
          world.channel.mood = mood;
          world.jump += jump;
          if (silences) world.manager.silence({ matchers: silences, until: world.wall() + 50_000, by: "ann" });
          if (restarts) world.restart(jump === 0 ? 5000 : 0);
          await world.live(seconds, situation({ services: isKnown ? services(down) : null }));
        }
        world.channel.mood = "takes";
        await world.live(1500, situation({ services: services(down) }));
        const firing = world
          .list()
          .filter((one) => one.startsWith("firing "))
          .map((one) => one.slice(7));
        expect(world.channel.firing()).toEqual(firing.sort());
        expect(firing).toHaveLength(down.length);
        // Taken twice only where its answer was lost, and then in a message of the same id or with more beside it.
        if (steps.every(({ mood }) => mood !== "lost")) {
          const news = world.channel.taken.filter(({ kind }) => kind !== "repeat");
          const changes = news.flatMap(({ alerts }) => alerts.map(({ id, revision }) => `${id}.${revision}`));
          expect(new Set(changes).size).toBe(changes.length);
          expect(new Set(news.map(({ id }) => id)).size).toBe(news.length);
        }
      }),
      { numRuns: 25 },
    );
  }, 60_000);
});
