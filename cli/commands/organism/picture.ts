import { stripVTControlCharacters } from "node:util";
import type { Alert } from "../../../models/alerts.ts";
import { HARMONY_BANDS, LEAST_CONFIDENCE } from "../../../models/harmony-update.ts";
import type { HarmonyExplanation, HarmonyScore, OrganismState, SystemState } from "../../../models/organism-state.ts";
import { paint, type Style } from "../../paint.ts";
import { plain } from "../../plain.ts";
import { rate, time } from "../optimizer/figures.ts";

/** What is shown of the organism at one moment. */
export interface OrganismView {
  state: OrganismState;
  explanation: HarmonyExplanation;
  /** Those that are active. */
  rules: { id: string; name: string; mode: "shadow" | "on"; lastFired: string | null }[];
  /** Those that fire. */
  alerts: Alert[];
}

export const SHOWN_COSTS = 3;
/** Less than this is no cost that anybody wants to read of, points. */
export const SMALL_COST = 0.05;
const MOST_LINES = 5;
const NARROWEST = 60;
const WIDEST = 100;
const STYLES: Record<"good" | "warn" | "bad", Style> = { good: "green", warn: "yellow", bad: "red" };
const SIGNS = { good: "●", warn: "◐", bad: "✖" } as const;
const NAME = 9;
/** Beside the two bars of a line: gaps, name, both numbers, calls and latency. */
const BESIDE = 45;

/** The organism for a terminal: harmony, a line for each system, and what there is to say. */
export function picture(view: OrganismView, columns: number): string {
  const width = Math.min(WIDEST, Math.max(NARROWEST, columns));
  const { state, explanation, rules, alerts } = view;
  return [
    ...head(explanation, width),
    "",
    ...systems(state.systems, width),
    "",
    ...told(explanation, width),
    ...block(
      "rules at work",
      rules,
      ({ id, name, mode }) => [
        mode === "shadow" ? paint("dim", "◌") : paint("magenta", "▲"),
        `${name === id ? id : `${name} (${id})`}${mode === "shadow" ? ", in the shadow: it only says what it would do" : ""}`,
      ],
      width,
    ),
    ...block("alerts", alerts, alertText, width),
  ].join("\n");
}

function head(score: HarmonyScore, width: number): string[] {
  const { style, sign, words } = look(score);
  const isKnown = score.confidence > 0;
  const number = (isKnown ? String(Math.round(score.score)) : "-").padStart(5);
  const parts = [
    `confidence ${Math.floor(score.confidence * 100)} %`,
    `health ${Math.round(score.health)}`,
    `balance ${Math.round(score.balance)}`,
    `flow ${Math.round(score.flow)}`,
  ];
  const room = width - 11 - words.length;
  while (parts.join(" · ").length > room) parts.pop();
  return [
    `${paint("bold", paint(style, number))}  ${bar(isKnown ? score.score : null, width - 8, style)}`,
    `       ${paint(style, `${sign} ${words}`)}  ${paint("dim", parts.join(" · "))}`,
  ];
}

/** The word for a score; where too little is known, it says so. */
export function look({ score, confidence }: HarmonyScore): { style: Style; sign: string; words: string } {
  if (!(confidence > 0)) return { style: "dim", sign: "?", words: "not known yet" };
  const band = bandOf(score);
  if (confidence < LEAST_CONFIDENCE) return { style: "dim", sign: "?", words: `a guess: ${band.words}` };
  return { style: STYLES[band.tone], sign: SIGNS[band.tone], words: band.words };
}

export function bandOf(score: number) {
  const shown = Math.round(score);
  return HARMONY_BANDS.find(({ least }) => shown >= least) ?? HARMONY_BANDS.at(-1)!;
}

function systems(all: readonly SystemState[], width: number): string[] {
  const length = Math.floor((width - BESIDE) / 2);
  const title = [
    `  ${"system".padEnd(NAME)}${"health".padEnd(length + 6)}  ${"load".padEnd(length + 8)}`,
    `${"calls/s".padStart(8)}${"p95".padStart(10)}`,
  ].join("");
  return [paint("dim", title), ...all.map((one) => systemLine(one, length))];
}

function systemLine({ system, health, confidence, metrics }: SystemState, length: number): string {
  const known = confidence > 0;
  const tone = known ? STYLES[bandOf(health).tone] : "dim";
  const load = metrics.load.value;
  const calls = metrics.requestRate.value;
  const latency = metrics.latencyP95.value;
  return [
    `  ${system.padEnd(NAME)}`,
    `${bar(known ? health : null, length, tone)}  ${paint(tone, (known ? String(Math.round(health)) : "-").padStart(4))}  `,
    `${bar(load, length, load !== null && load >= 85 ? "yellow" : "cyan")}  ${percent(load).padStart(6)}`,
    `${(calls === null ? "-" : rate(calls)).padStart(8)}`,
    `${(latency === null || !calls ? "-" : time(latency)).padStart(10)}`,
  ].join("");
}

/** What costs most, and what would give most back; nothing of both where harmony is whole. */
function told({ costs, best, unknown }: HarmonyExplanation, width: number): string[] {
  const shown = costs.filter(({ cost }) => cost >= SMALL_COST).slice(0, SHOWN_COSTS);
  const lines = shown.flatMap(({ cost, why }) =>
    hanging(`  ${paint("yellow", `−${cost.toFixed(1)}`.padStart(6))}  `, why, width),
  );
  const left = costs.slice(shown.length).reduce((sum, { cost }) => sum + cost, 0);
  if (shown.length > 0 && left >= SMALL_COST)
    lines.push(paint("dim", `  ${`−${left.toFixed(1)}`.padStart(6)}  all else together`));
  return [
    paint("dim", shown.length > 0 ? "costs most" : "nothing costs a point"),
    ...lines,
    ...(best && best.gain >= SMALL_COST
      ? hanging(`  ${paint("green", `+${best.gain.toFixed(1)}`.padStart(6))}  `, best.how, width)
      : []),
    ...(unknown.length > 0 ? hanging(`       ${paint("dim", "?")}  `, `not known: ${listed(unknown)}`, width) : []),
  ];
}

function block<T>(title: string, all: readonly T[], line: (one: T) => [sign: string, text: string], width: number) {
  if (all.length === 0) return [];
  const lines = all.slice(0, MOST_LINES).flatMap((one) => {
    const [sign, text] = line(one);
    return hanging(`       ${sign}  `, text, width);
  });
  const more = all.length - MOST_LINES;
  return ["", paint("dim", title), ...lines, ...(more > 0 ? [paint("dim", `          and ${more} more`)] : [])];
}

/** `━━━╾───`: heavy for what there is, light for what is left, so that it reads without colours too. */
export function bar(value: number | null, length: number, style: Style): string {
  if (value === null) return paint("dim", "┄".repeat(length));
  const halves = Math.round((Math.min(100, Math.max(0, value)) / 100) * length * 2);
  const full = Math.floor(halves / 2);
  const half = halves % 2 === 1 ? "╾" : "";
  return paint(style, "━".repeat(full) + half) + paint("dim", "─".repeat(length - full - half.length));
}

export function percent(value: number | null): string {
  return value === null ? "-" : `${Math.round(value)} %`;
}

export function listed(names: readonly string[], most = 6): string {
  const more = names.length - most;
  return more > 0 ? `${names.slice(0, most).join(", ")} and ${more} more` : names.join(", ");
}

function alertText(alert: Alert): [sign: string, text: string] {
  const { severity, summary, acknowledged } = alert;
  const by = acknowledged ? ` (${acknowledged.by} is at it)` : "";
  if (isQuiet(alert)) return [paint("dim", "○"), `${severity}: ${summary}${by}`];
  return [severity === "critical" ? paint("red", "✖") : paint("yellow", "◐"), `${severity}: ${summary}`];
}

/** Somebody looks after it, or nobody wants to be told. */
export function isQuiet({ acknowledged, silenced }: Alert): boolean {
  return acknowledged !== null || silenced !== null;
}

/** A sentence behind a mark, its further lines below its first word. */
function hanging(mark: string, text: string, width: number): string[] {
  const indent = [...stripVTControlCharacters(mark)].length;
  const lines: string[] = [];
  for (const word of plain(text).split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width - indent) lines.push(`${lines.pop()} ${word}`);
    else lines.push(word);
  }
  return lines.map((line, index) => (index === 0 ? mark : " ".repeat(indent)) + line);
}
