import { describe, expect, test } from "@jest/globals";
import { Capture } from "../../../runtime/record/capture.ts";
import { type CaptureRule, CaptureRules, DEFAULT_RULES, textAt } from "../../../runtime/record/capture-rules.ts";

describe("capture rules", () => {
  test.each([
    ["user.created", "durable"],
    ["user.session.started", "durable"],
    ["security.login.failed", "durable"],
    ["mint.transaction.sent", "durable"],
    ["healing.detected", "durable"],
    ["education.enrollment.made", "best-effort"],
    ["forge.service.made", "best-effort"],
    ["health.check.library", "best-effort"],
    ["organism.service", "durable"],
    ["organism.closures", undefined],
    ["node.vitals", undefined],
    ["users.created", undefined],
    ["order.placed", undefined],
  ])("say of %s: %s", (event, grade) => {
    expect(new CaptureRules(DEFAULT_RULES).of(event)?.grade).toBe(grade);
  });

  test("know one star for one part of a name, and two for any number", () => {
    const rules = new CaptureRules([
      { event: "a.*", grade: "durable" },
      { event: "b.**", grade: "durable" },
      { event: "c+(d)", grade: "durable" },
    ]);
    const fits = ["a.x", "a.x.y", "b.x", "b.x.y", "ab", "c+(d)", "ccd"].filter((event) => rules.of(event));
    expect(fits).toEqual(["a.x", "b.x", "b.x.y", "c+(d)"]);
  });

  test("take in neither the runtime's own telemetry nor what the chain says, whatever they say", () => {
    const rules = new CaptureRules([{ event: "**", grade: "durable" }]);
    const all = ["$services.changed", "node.vitals", "node-host.service", "chain.block", "health.checked", "anything"];
    expect(all.filter((event) => rules.of(event))).toEqual(["anything"]);
  });

  test("let a durable one win", () => {
    const rules = new CaptureRules([
      { event: "order.*", grade: "best-effort" },
      { event: "order.paid", grade: "durable" },
    ]);
    expect([rules.of("order.paid")?.grade, rules.of("order.seen")?.grade]).toEqual(["durable", "best-effort"]);
  });

  test("find the person in a document of a store too, so that no default leaves personal data readable", () => {
    const [security, user] = ["security.alert", "user.created"].map(
      (event) => new CaptureRules(DEFAULT_RULES).of(event)!,
    );
    for (const rule of [security!, user!]) expect(textAt({ user: { _id: "u1" } }, rule.subject!)).toBe("u1");
  });

  test("find whom the data is about at the first path that leads somewhere", () => {
    expect(textAt({ user: { id: "u1" }, id: 5 }, "user.id|id")).toBe("u1");
    expect(textAt({ id: 5 }, "user.id|id")).toBe("5");
    expect(textAt({ user: null }, "user.id|id")).toBeUndefined();
    expect(textAt("text", "constructor.name")).toBeUndefined();
  });
});

function capture(rules: CaptureRule[] = []) {
  const taken: unknown[][] = [];
  const made = new Capture({ capture: (...args) => void taken.push(args) }, rules);
  const told: unknown[] = [];
  const emit = made.emit(async (event) => told.push(event));
  return { made, taken, told, emit };
}

describe("capture", () => {
  test("records what a rule names, with who, whom and the request, and tells everything", async () => {
    const { taken, told, emit } = capture();
    const parentCtx = { requestID: "r1", service: { fullName: "v2.people" }, meta: { user: { id: "boss" } } };
    await emit("user.created", { user: { id: "u1" } }, { parentCtx });
    await emit("order.placed", {});
    expect(told).toEqual(["user.created", "order.placed"]);
    expect(taken).toEqual([
      [
        "durable",
        "user.created",
        { user: { id: "u1" } },
        { service: "v2.people", requestId: "r1", subject: "u1", actor: "boss" },
      ],
    ]);
  });

  test("records a broadcast once, and a local broadcast of its own too", async () => {
    const { made, taken } = capture();
    const local = made.broadcastLocal(async () => {});
    const broadcast = made.broadcast(async (event, payload) => local(event, payload));
    await broadcast("user.created", {});
    expect(taken).toHaveLength(1);
    await local("user.created", {});
    expect(taken).toHaveLength(2);
  });

  test("records health checks at changes of their status only, for each service by itself", async () => {
    const { taken, emit } = capture();
    const statuses = ["healthy", "healthy", "unhealthy", "unhealthy", "healthy"];
    for (const status of statuses) for (const name of ["a", "b"]) await emit(`health.check.${name}`, { status });
    expect(taken).toHaveLength(6);
  });

  test("tells an event though its state is nothing that can be compared", async () => {
    const { emit, told } = capture();
    await emit("health.check.library", { status: 1n });
    expect(told).toHaveLength(1);
  });

  test("takes services at their word, until they say otherwise", async () => {
    const { made, taken, emit } = capture();
    made.declare("orders", [{ event: "order.*", grade: "durable" }]);
    await emit("order.placed", {});
    made.declare("orders", []);
    await emit("order.placed", {});
    expect(taken).toHaveLength(1);
  });

  test("records nothing while it is switched off", async () => {
    const { made, taken, told, emit } = capture();
    made.turn(false);
    await emit("user.created", {});
    expect([taken, told]).toEqual([[], ["user.created"]]);
  });

  test("makes who waits for an event wait for its record", async () => {
    const { promise, resolve: written } = Promise.withResolvers<void>();
    const made = new Capture({ capture: () => promise });
    let over = false;
    const emitted = made
      .emit(async () => "told")("user.created", {})
      .then((result) => {
        over = true;
        return result;
      });
    await new Promise((resolve) => setImmediate(resolve));
    expect(over).toBe(false);
    written();
    expect(await emitted).toBe("told");
  });
});
