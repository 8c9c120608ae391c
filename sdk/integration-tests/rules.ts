import { SYSTEMS } from "../../models/metrics.ts";
import type { HarmonyExplanation, OrganismState } from "../../models/organism-state.ts";
import type { SymbioticRule } from "../../models/rules.ts";
import type { OrganismError } from "../organism-link.ts";
import { AzoraSymbioticRulesEngine } from "../symbiotic-rules-engine.ts";
import { type Check, expect, Skip, until } from "./check.ts";

/** The engine judges once there are vitals of the nodes. */
const JUDGED_MS = 10_000;

export const rules: Check = {
  name: "rules",
  about: "harmony is measured and adds up; a rule is weighed without being carried out, and a faulty one is refused",
  async run(world) {
    const { status, body } = await world.ask("/health/symbiotic");
    if (status === 404) throw new Skip("there is no symbiotic-rules-engine in this organism");
    expect(status === 200, `it is ${body["status"]}: ${JSON.stringify(body["checks"])}`);
    const engine = new AzoraSymbioticRulesEngine(world.link);
    await engine.initialize();
    try {
      const state = await until(world, "harmony", () => judged(engine), JUDGED_MS);
      plausible(state);
      addsUp(await engine.explainHarmony());
      const { why, actions } = await engine.executeRule(shadow(world.run, "harmony"));
      expect(why.result !== "did not fire", `a rule that always holds did not fire: ${why.why}`);
      const carriedOut = actions.find((one) => one.status !== "shadow");
      expect(actions.length === 1 && !carriedOut, `a rule in the shadow has acted: ${carriedOut?.what ?? "no action"}`);
      await refused(engine, shadow(world.run, "harmoni"));
      const known = `harmony ${Math.round(state.harmony.score)} of 100, ${Math.floor(state.harmony.confidence * 100)} % known`;
      const { length } = await engine.getRules();
      return `${known}; ${length} rules; one was weighed and not carried out, a faulty one was refused`;
    } finally {
      await engine.shutdown();
    }
  },
};

async function judged(engine: AzoraSymbioticRulesEngine): Promise<OrganismState | undefined> {
  const state = await engine.getOrganismState();
  return state.harmony.confidence > 0 ? state : undefined;
}

function plausible({ systems, harmony }: OrganismState): void {
  const missing = SYSTEMS.filter((name) => !systems.some(({ system }) => system === name));
  expect(missing.length === 0, `nothing is told of ${missing.join(", ")}`);
  for (const [name, value, most] of [
    ["harmony", harmony.score, 100],
    ["confidence", harmony.confidence, 1],
    ...systems.map(({ system, health }) => [`the health of ${system}`, health, 100] as const),
  ] as const)
    expect(Number.isFinite(value) && value >= 0 && value <= most, `${name} is ${value}, but must be 0 to ${most}`);
}

/** Another second may have been measured between two questions: both figures are of the same answer. */
function addsUp({ score, costs }: HarmonyExplanation): void {
  const sum = costs.reduce((all, { cost }) => all + cost, 0);
  const gap = Math.abs(100 - score - sum);
  expect(gap < 1e-6, `the costs of harmony are ${sum} points together, but ${100 - score} are missing`);
}

/** Always holds, and never acts. */
function shadow(run: string, metric: string): SymbioticRule {
  return {
    id: run,
    name: "Self-test",
    conditions: [{ system: "organism", metric, operator: "greaterOrEqual", value: 0 }],
    actions: [{ type: "setFlag", target: "organism", parameters: { flag: "self-test", value: true } }],
    mode: "shadow",
  };
}

async function refused(engine: AzoraSymbioticRulesEngine, rule: SymbioticRule): Promise<void> {
  const code = await engine.executeRule(rule).then(
    () => "none",
    (error: OrganismError) => error.code,
  );
  expect(code === "VALIDATION_ERROR", `a rule with an unknown metric was answered with ${code}`);
}
