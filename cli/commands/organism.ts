import { type Alert, SEVERITIES } from "../../models/alerts.ts";
import { SYSTEMS } from "../../models/metrics.ts";
import type { HarmonyExplanation, OrganismState } from "../../models/organism-state.ts";
import type { RuleView } from "../../models/rule-view.ts";
import { nearest } from "../../runtime/nearest.ts";
import { ApiClient } from "../api-client.ts";
import { type Command, CommandError, UsageError } from "../command.ts";
import { plainLines } from "./organism/lines.ts";
import { bandOf, isQuiet, type OrganismView, picture } from "./organism/picture.ts";
import { systemReport } from "./organism/system-report.ts";

const MOUNT = "/api/organism";
const REFRESH_MS = 1000;
const DEFAULT_COLUMNS = 80;

export const organism: Command = {
  name: "organism",
  usage: "[system]",
  summary: "shows the harmony of the seven systems, and what costs it; of one system all that is known",
  options: { watch: { type: "boolean", short: "w", describe: "show it anew every second" } },
  arity: [0, 1],
  async run({ settings, args, options, out }) {
    const [system] = args;
    if (system !== undefined) checkSystem(system);
    const client = new ApiClient(settings);
    const live = Boolean(process.stdout.isTTY) && !options["json"];
    const frame = async () => {
      const view = await look(client);
      return { view, text: options["json"] ? JSON.stringify(view) : rendered(view, system, live) };
    };
    if (!options["watch"]) {
      const { view, text } = await frame();
      out(text);
      const { score, confidence } = view.explanation;
      return confidence > 0 && bandOf(score).tone === "bad" ? 1 : 0;
    }
    if (live) out("\x1b[2J");
    for (;;) {
      // An engine or an orchestrator that is restarted meanwhile comes back.
      const text = await frame().then((one) => one.text, awayText);
      out(live ? redrawn(text) : text);
      await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
    }
  },
};

function checkSystem(system: string): void {
  if (SYSTEMS.some((one) => one === system)) return;
  const meant = nearest(system, SYSTEMS);
  throw new UsageError(
    `there is no system ${system}${meant ? `; did you mean ${meant}?` : ""} (${SYSTEMS.join(", ")})`,
  );
}

/** Alerts and rules that cannot be had are not shown: the picture is. */
async function look(client: ApiClient): Promise<OrganismView> {
  const [state, explanation, rules, alerts] = await Promise.all([
    client.get<OrganismState>(`${MOUNT}/state`),
    client.get<HarmonyExplanation>(`${MOUNT}/harmony/explain`),
    client.get<RuleView[]>(`${MOUNT}/rules`).catch(() => []),
    client.get<Alert[]>(`${MOUNT}/alerts`).catch(() => []),
  ]);
  return {
    state,
    explanation,
    rules: rules.filter(({ active }) => active).map(({ id, name, mode, lastFired }) => ({ id, name, mode, lastFired })),
    alerts: alerts.filter(({ state }) => state === "firing").sort((one, other) => rank(other) - rank(one)),
  };
}

/** The most severe first, those that somebody looks after last. */
function rank(alert: Alert): number {
  return SEVERITIES.indexOf(alert.severity) - (isQuiet(alert) ? SEVERITIES.length : 0);
}

function rendered(view: OrganismView, system: string | undefined, live: boolean): string {
  const one = view.state.systems.find((known) => known.system === system);
  if (one) return systemReport(one, view);
  return live ? picture(view, process.stdout.columns || DEFAULT_COLUMNS) : plainLines(view);
}

function awayText(error: Error): string {
  if (error instanceof CommandError) return `azora: ${error.message}`;
  throw error;
}

/** Over the picture before, line by line: clearing the screen first would flicker. */
function redrawn(text: string): string {
  return `\x1b[H${text.replaceAll("\n", "\x1b[K\n")}\x1b[K\x1b[J`;
}
