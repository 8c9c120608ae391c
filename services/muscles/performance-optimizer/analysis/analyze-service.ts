import type { ServiceAnalysis, Trend } from "../../../../models/performance-views.ts";
import { type TimeSpent, timeSpent } from "../measurements/time-spent.ts";
import { nextStep } from "./next-step.ts";
import { regressions } from "./regressions.ts";
import type { ServiceFacts } from "./service-facts.ts";
import { robustSlope } from "./trend.ts";

/** How far back a trend is looked for, minutes. */
const TREND_MINUTES = 120;
const SURE = 0.99;
/** Slower or faster by so much in an hour. */
const STEEP = 0.1;
const LEAST_CALLS = 5;

/** Where the time of a service goes, how that changes, and what to do first. */
export function analyzeService(facts: ServiceFacts): ServiceAnalysis {
  const spent = timeSpent(facts.sums);
  const slope = slopeOf(facts);
  return {
    service: facts.service,
    at: new Date(facts.at).toISOString(),
    calls: facts.calls,
    spends: spends(spent),
    parallel: spent.parallel,
    trend: trendOf(slope),
    slope,
    regressions: regressions(facts),
    nextStep: nextStep(facts, spent),
  };
}

function spends({ own, waiting, queueing, database, gc }: TimeSpent): Record<string, number> {
  return {
    own,
    database,
    queueing,
    gc,
    ...Object.fromEntries(waiting.map(({ service, time }) => [`waiting for ${service}`, time])),
  };
}

function slopeOf({ minutes }: ServiceFacts): ServiceAnalysis["slope"] {
  const from = Math.max(0, minutes.logMean.length - TREND_MINUTES);
  const logs = minutes.logMean
    .slice(from)
    .map((value, i) => (minutes.calls[from + i]! >= LEAST_CALLS ? value : Number.NaN));
  const { perStep, confidence } = robustSlope(logs);
  // In a short series a small slope makes a wild hour; no more than tenfold is said.
  return { perHour: Math.min(9, Math.exp(Math.max(-20, perStep * 60)) - 1), confidence };
}

function trendOf({ perHour, confidence }: ServiceAnalysis["slope"]): Trend {
  if (confidence < SURE || Math.abs(perHour) < STEEP) return "steady";
  return perHour > 0 ? "rising" : "falling";
}
