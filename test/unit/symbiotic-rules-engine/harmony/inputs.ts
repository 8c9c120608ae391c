import fc from "fast-check";
import { METRICS, type Metric, SYSTEMS, type System } from "../../../../models/metrics.ts";
import type {
  FlowInput,
  Measured,
  SystemInput,
} from "../../../../services/brain/symbiotic-rules-engine/harmony/strain.ts";

export const METRIC_NAMES = Object.keys(METRICS) as Metric[];

/** Where a metric usually is, and now and then anywhere it may be. */
function value(metric: Metric): fc.Arbitrary<number> {
  const { min, max } = METRICS[metric];
  const often = { requestRate: 300, queueDepth: 200, concurrency: 200, restarts: 15, eventLoopDelay: 1500 } as const;
  const most = metric in often ? often[metric as keyof typeof often] : metric.startsWith("latency") ? 3000 : max;
  return fc.oneof(
    { weight: 8, arbitrary: fc.double({ min, max: most, noNaN: true }) },
    { weight: 1, arbitrary: fc.double({ min, max, noNaN: true }) },
    { weight: 1, arbitrary: fc.constantFrom(min, max) },
  );
}

function measured(metric: Metric): fc.Arbitrary<Measured> {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  return fc.oneof(
    { weight: 6, arbitrary: fc.record({ value: value(metric), known: fc.constant(1) }) },
    { weight: 2, arbitrary: fc.record({ value: value(metric), known: share, keep: share }) },
    { weight: 1, arbitrary: fc.constant({ value: Number.NaN, known: 0 }) },
  );
}

function system(name: System): fc.Arbitrary<SystemInput> {
  const metrics = Object.fromEntries(METRIC_NAMES.map((metric) => [metric, measured(metric)])) as Record<
    Metric,
    fc.Arbitrary<Measured>
  >;
  const latency = fc.double({ min: 0, max: 1000, noNaN: true });
  return fc.record({
    system: fc.constant(name),
    metrics: fc.record(metrics, { requiredKeys: ["load"] }),
    usual: fc.record({ latencyP50: latency, latencyP95: latency }, { requiredKeys: [] }),
  }) as fc.Arbitrary<SystemInput>;
}

export const systems: fc.Arbitrary<SystemInput[]> = fc
  .subarray([...SYSTEMS])
  .chain((names) => fc.tuple(...names.map((name) => system(name))));

export const flows: fc.Arbitrary<FlowInput[]> = fc.array(
  fc.record({
    from: fc.constantFrom(...SYSTEMS),
    to: fc.constantFrom(...SYSTEMS),
    rate: fc.double({ min: 0, max: 500, noNaN: true }),
    latency: fc.double({ min: 0, max: 5000, noNaN: true }),
    waiting: fc.oneof(fc.double({ min: 0, max: 2000, noNaN: true }), fc.constant(null)),
    errorRate: fc.double({ min: 0, max: 100, noNaN: true }),
  }),
  { maxLength: 20 },
);

/** A system of which everything is known and well, but for what is given. */
export function well(system: System, other: Partial<Record<Metric, number>> = {}): SystemInput {
  const good: Record<Metric, number> = {
    load: 3,
    cpu: 2,
    memoryUsage: 5,
    eventLoopDelay: 2,
    requestRate: 1,
    errorRate: 0,
    latencyP50: 2,
    latencyP95: 9,
    queueDepth: 0,
    concurrency: 0,
    healthyRatio: 100,
    restarts: 0,
    saturation: 0,
    refusalRate: 0,
  };
  const metrics = Object.fromEntries(
    Object.entries({ ...good, ...other }).map(([metric, value]) => [metric, { value, known: 1 }]),
  );
  return { system, metrics, usual: { latencyP50: 2, latencyP95: 9 } };
}

export function organism(other: Partial<Record<System, Partial<Record<Metric, number>>>> = {}): SystemInput[] {
  return SYSTEMS.map((system) => well(system, other[system]));
}

/** The same organism with one metric of one system changed. */
export function withMetric(
  inputs: readonly SystemInput[],
  at: number,
  metric: Metric,
  change: Partial<Measured>,
): SystemInput[] {
  return inputs.map((input, i) =>
    i === at ? { ...input, metrics: { ...input.metrics, [metric]: { ...input.metrics[metric]!, ...change } } } : input,
  );
}
