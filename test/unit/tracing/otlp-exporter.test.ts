import { describe, expect, test } from "@jest/globals";
import { OtlpExporter, type OtlpExporterOptions } from "../../../runtime/tracing/otlp-exporter.ts";
import { SPAN_KIND, TraceSpan } from "../../../runtime/tracing/trace-span.ts";
import { FakeClock } from "../../support/fake-clock.ts";

interface Sent {
  resourceSpans: { resource: { attributes: object[] }; scopeSpans: { spans: Record<string, unknown>[] }[] }[];
}

/** A collector whose answers are given one after the other; the last again and again. */
function collector(...answers: (() => Promise<Response> | Response)[]) {
  const requests: Sent[] = [];
  const post = async (_url: unknown, init?: RequestInit) => {
    requests.push(JSON.parse(String(init?.body)));
    const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
    const { signal } = init!;
    return Promise.race([
      answer(),
      new Promise<Response>((_, reject) => signal!.addEventListener("abort", () => reject(signal!.reason))),
    ]);
  };
  return { requests, post: post as typeof fetch };
}

const well = () => new Response("{}");
const lost = () => Promise.reject(Object.assign(new TypeError("fetch failed"), { cause: { code: "ECONNREFUSED" } }));
const answered =
  (status: number, headers = {}) =>
  () =>
    new Response("no", { status, headers });

function exporterWith(collected: ReturnType<typeof collector>, options: Partial<OtlpExporterOptions> = {}) {
  const clock = new FakeClock();
  const told: string[] = [];
  const exporter = new OtlpExporter({
    url: "http://collector/v1/traces",
    resource: { attributes: { "service.namespace": "azora" } },
    clock,
    post: collected.post,
    onTrouble: (what) => told.push(what),
    ...options,
  });
  const sink = { now: () => 1000.5, ended: (span: TraceSpan) => exporter.add(span) };
  const end = (count: number, service = "ledger") => {
    for (let i = 0; i < count; i++) {
      const span = { name: `call ${i}`, kind: SPAN_KIND.server, service, traceId: "a".repeat(32), requestId: "r" };
      new TraceSpan(sink, span).finish();
    }
  };
  return { exporter, clock, told, end };
}

/** Lets what is under way come to its end. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("spans on their way to the collector", () => {
  test("wait for others, then go together", async () => {
    const collected = collector(well);
    const { exporter, clock, end } = exporterWith(collected);
    end(3);
    expect(collected.requests).toHaveLength(0);
    clock.advance(2000);
    await settle();
    expect(collected.requests[0]!.resourceSpans[0]!.scopeSpans[0]!.spans).toHaveLength(3);
    expect(exporter.stats()).toEqual({ exported: 3, dropped: 0, waiting: 0, trouble: "" });
  });

  test("go at once when there are many, in requests of bounded size", async () => {
    const collected = collector(well);
    const { exporter, end } = exporterWith(collected, { maxBatch: 10 });
    end(35);
    await settle();
    const sizes = collected.requests.map(({ resourceSpans }) => resourceSpans[0]!.scopeSpans[0]!.spans.length);
    expect(sizes).toEqual([10, 10, 10]);
    expect(exporter.stats().waiting).toBe(5);
  });

  test("stand below their service's name, unless one name is given for all", async () => {
    for (const serviceName of [undefined, "shop"]) {
      const collected = collector(well);
      const resource = { attributes: {}, ...(serviceName ? { serviceName } : {}) };
      const { clock, end } = exporterWith(collected, { resource });
      end(1, "ledger");
      end(1, "vault");
      clock.advance(2000);
      await settle();
      const names = collected.requests[0]!.resourceSpans.map(({ resource: { attributes } }) => attributes[0]);
      const named = (stringValue: string) => ({ key: "service.name", value: { stringValue } });
      expect(names).toEqual(serviceName ? [named("shop")] : [named("ledger"), named("vault")]);
    }
  });

  test("are sent again after a pause that grows while the collector is away, and dropped beyond their room", async () => {
    const collected = collector(lost, lost, lost, well);
    const { exporter, clock, told, end } = exporterWith(collected, { maxWaiting: 4 });
    end(6);
    const sentAt: number[] = [];
    for (let second = 1; second <= 12; second++) {
      const before = collected.requests.length;
      clock.advance(1000);
      await settle();
      if (collected.requests.length > before) sentAt.push(second);
    }
    expect(sentAt).toEqual([2, 3, 5, 9]);
    expect(exporter.stats()).toEqual({ exported: 4, dropped: 2, waiting: 0, trouble: "" });
    expect(told).toEqual([
      "traces are lost on the way to http://collector/v1/traces: more spans end than it takes",
      "traces arrive at http://collector/v1/traces again",
    ]);
  });

  test("are not sent again where the collector refuses them for good", async () => {
    const collected = collector(answered(400), well);
    const { exporter, clock, told, end } = exporterWith(collected);
    end(2);
    clock.advance(2000);
    await settle();
    expect(exporter.stats()).toMatchObject({ exported: 0, dropped: 2, waiting: 0, trouble: "it answered 400: no" });
    expect(told[0]).toContain("it answered 400: no");
    end(1);
    clock.advance(2000);
    await settle();
    expect(exporter.stats()).toMatchObject({ exported: 1, dropped: 2 });
  });

  test("wait as long as the collector asks for", async () => {
    const collected = collector(answered(503, { "retry-after": "7" }), well);
    const { clock, end } = exporterWith(collected);
    end(1);
    clock.advance(2000);
    await settle();
    clock.advance(6999);
    await settle();
    expect(collected.requests).toHaveLength(1);
    clock.advance(1);
    await settle();
    expect(collected.requests).toHaveLength(2);
  });

  test("are counted as dropped where the collector took only a part", async () => {
    const partly = () => new Response(JSON.stringify({ partialSuccess: { rejectedSpans: "2", errorMessage: "x" } }));
    const { exporter, clock, end } = exporterWith(collector(partly));
    end(5);
    clock.advance(2000);
    await settle();
    expect(exporter.stats()).toMatchObject({ exported: 3, dropped: 2, waiting: 0 });
  });

  test("are sent at the stop", async () => {
    const collected = collector(well);
    const { exporter, end } = exporterWith(collected, { maxBatch: 2 });
    end(1);
    await exporter.stop();
    expect(exporter.stats()).toMatchObject({ exported: 1, waiting: 0 });
    end(1);
    expect(exporter.stats()).toMatchObject({ dropped: 1, waiting: 0 });
  });

  test("do not hold up the stop where the collector does not answer", async () => {
    const { exporter, clock, end } = exporterWith(collector(() => new Promise(() => {})));
    end(5);
    const stopped = exporter.stop(2000);
    await settle();
    clock.advance(2000);
    await stopped;
    expect(exporter.stats()).toMatchObject({ dropped: 5, waiting: 0 });
  });
});

describe("a span", () => {
  test("is bounded, whatever is put on it", async () => {
    const collected = collector(well);
    const { exporter, clock } = exporterWith(collected);
    const sink = { now: () => 5, ended: (span: TraceSpan) => exporter.add(span) };
    const options = { name: "x", kind: SPAN_KIND.internal, service: "s", traceId: "b".repeat(32), requestId: "r" };
    const span = new TraceSpan(sink, options);
    for (let i = 0; i < 1000; i++) span.addTags({ [`tag ${i}`]: "v".repeat(10_000) }).log("event", { i });
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    span.addTags({ "tag 0": circle, "tag 1": 1.5, "tag 2": Number.NaN, "tag 3": null });
    span.setError(new Error("e".repeat(10_000)));
    span.finish().finish();
    clock.advance(2000);
    await settle();
    expect(exporter.stats().exported).toBe(1);
    expect(JSON.stringify(collected.requests[0]).length).toBeLessThan(80_000);
    const [sent] = collected.requests[0]!.resourceSpans[0]!.scopeSpans[0]!.spans;
    expect(sent).toMatchObject({ droppedAttributesCount: 936 + 984, startTimeUnixNano: "5000000" });
  });

  test("makes children of the same trace by hand", () => {
    const ended: TraceSpan[] = [];
    const sink = { now: () => 5, ended: (span: TraceSpan) => ended.push(span) };
    const options = { name: "x", kind: SPAN_KIND.internal, service: "s", traceId: "b".repeat(32), requestId: "r" };
    const parent = new TraceSpan(sink, options);
    const child = parent.startSpan("load", { tags: { rows: 3 } });
    child.finish();
    expect(ended[0]).toBe(child);
    expect(child.context.traceId).toBe(parent.context.traceId);
    expect(child.parentSpanId).toBe(parent.context.spanId);
    expect([...child.attributes]).toEqual([["rows", 3]]);
    expect([child.isActive(), parent.isActive()]).toEqual([false, true]);
  });
});
