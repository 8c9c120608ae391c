import type { Page } from "playwright-core";
import type { Alert } from "../../models/alerts.ts";
import type { HarmonyUpdate } from "../../models/harmony-update.ts";
import { SYSTEMS } from "../../models/metrics.ts";
import { MARKUP } from "./page-browser.ts";

const AT = "2026-11-20T15:00:00.000Z";

/** Puts another harmony in the place of the living organism's: what it tells each second, and what it is asked. */
export class StrainedOrganism {
  score = 71.4;
  firing = ["calm-brain", "tried"];
  alerts: Partial<Alert>[] = [
    alert("a-1", "warning", `brain is full ${MARKUP}`),
    { ...alert("a-2", "critical", "the disk is full"), acknowledged: { by: "ada", at: AT, comment: "" } },
    { ...alert("a-3", "critical", "it was slow"), state: "resolved" },
  ];
  readonly acknowledged: string[] = [];
  #second = 0;

  async instead(page: Page): Promise<void> {
    await page.routeWebSocket(/orchestrator\/stream/, (client) => {
      const server = client.connectToServer();
      server.onMessage((message) => {
        const told = JSON.parse(String(message)) as { type: string; data: HarmonyUpdate };
        client.send(JSON.stringify(told.type === "harmony_update" ? { ...told, data: this.#update() } : told));
      });
    });
    const answers: Record<string, () => unknown> = {
      alerts: () => this.alerts,
      rules: () => [
        { id: "calm-brain", name: `Calm the brain ${MARKUP}`, mode: "on" },
        { id: "tried", name: "Tried", mode: "shadow" },
      ],
      "executions?limit=20": () => [EXECUTION],
      "harmony/explain": () => ({ best: { system: "brain", metric: "load", gain: 15.2, how: "Give brain a node" } }),
    };
    for (const [path, answer] of Object.entries(answers))
      await page.route(`**/api/organism/${path}`, (route) => route.fulfill({ json: answer() }));
    await page.route("**/api/organism/alerts/*/acknowledge", (route) => {
      this.acknowledged.push(new URL(route.request().url()).pathname.split("/").at(-2)!);
      return route.fulfill({ json: {} });
    });
  }

  /** Other figures each second, and the two greatest costs about the same. */
  #update(): HarmonyUpdate {
    const wave = Math.sin(this.#second++);
    const cost = (system: (typeof SYSTEMS)[number], points: number, why: string) =>
      ({ part: "health", system, metric: "load", value: 93, cost: points, why }) as const;
    return {
      at: new Date().toISOString(),
      score: this.score + wave / 4,
      confidence: 0.994,
      health: 80 + wave,
      balance: 84 - wave,
      flow: 88,
      systems: SYSTEMS.map((system) => ({
        system,
        present: system !== "muscles",
        health: system === "brain" ? 61 : 97 + wave,
        confidence: system === "muscles" ? 0 : 1,
        load: system === "brain" ? 93 + wave : system === "muscles" ? null : 8,
      })),
      costs: [
        cost("brain", 10.2 + wave / 10, `load of brain is ${Math.round(930 + wave * 9) / 10} % ${MARKUP}`),
        cost("heart", 10.2 - wave / 10, "load of heart is 81 %"),
        cost("lungs", 0.4, "next to nothing"),
      ],
      firing: this.firing,
    };
  }
}

const EXECUTION = {
  id: "x-1",
  rule: "calm-brain",
  at: AT,
  mode: "on",
  actions: [
    {
      type: "adjustResourceAllocation",
      target: "brain",
      status: "done",
      what: "brain runs 20 calls at once instead of 16",
      effect: { metric: "brain.load", before: 97, after: 93, verdict: "better", rolledBack: false },
    },
  ],
};

function alert(id: string, severity: Alert["severity"], summary: string): Partial<Alert> {
  return {
    id,
    alert: "full",
    subject: "brain",
    severity,
    state: "firing",
    summary,
    startedAt: AT,
    firedAt: AT,
    unknownSince: null,
    advice: null,
    acknowledged: null,
    silenced: null,
  };
}
