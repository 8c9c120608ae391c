import type { HealingDecision, HealingRecord } from "../../../models/healing.ts";
import type { CaseDecision, HealingCase } from "../../../models/healing-case.model.ts";
import { NONE } from "./decide.ts";
import { count, span } from "./figures.ts";

const WAS: Record<string, string> = {
  crashed: "crashed",
  hung: "hung",
  unreachable: "could not be reached",
  slow: "was slow",
  erroring: "was erroring",
  leaking: "was leaking memory",
  "dependency down": "lost what it depends on",
  flapping: "was flapping",
  "resource exhausted": "had all but run out of a resource",
  unhealthy: "was unhealthy",
  "start failed": "failed to start",
  "start timeout": "did not start in time",
};

/** The story of one case in plain words. */
export function explain(one: HealingCase): string {
  const asked = one.failure === "none";
  const sentences = asked
    ? []
    : [found(one), ...one.detections.slice(0, 1).flatMap(({ evidence }) => evidence.slice(1))];
  const own = one.decisions.filter((decision) => !one.acts.some((act) => isGroundOf(decision, act)));
  const steps = [
    ...own.map((decision) => ({ at: decision.at, text: decided(decision) })),
    ...attempts(one.acts).map((acts) => ({ at: acts[0]!.at, text: climbed(acts, asked) })),
  ];
  // A decision is the ground of the act that has the same moment.
  for (const { text } of steps.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))) sentences.push(text);
  if (one.omitted > 0) sentences.push(`${count(one.omitted, "step")} of it are not kept`);
  const end = ended(one);
  if (end) sentences.push(end);
  return sentences.map(sentence).join(" ");
}

/** A part of a story, and the case that it tells. */
export interface Chapter {
  id: string;
  text: string;
}

/** What happened to a service or node lately, the newest last. Of trials in quarantine that failed only the last is told. */
export function story(cases: readonly (HealingCase & { id: string })[], most: number): Chapter[] {
  const ordered = [...cases].sort((a, b) => (a.opened < b.opened ? -1 : 1));
  const chapters: Chapter[] = [];
  let skipped = 0;
  for (const [index, one] of ordered.entries()) {
    const next = ordered[index + 1];
    if (isFailedTrial(one) && next && isFailedTrial(next)) {
      skipped++;
      continue;
    }
    const before = skipped > 0 ? `${count(skipped, "trial")} before this one failed too. ` : "";
    chapters.push({ id: one.id, text: `${before}${explain(one)}` });
    skipped = 0;
  }
  return chapters.slice(-most);
}

function isFailedTrial({ outcome, acts }: HealingCase): boolean {
  return outcome === "quarantined" && acts.every(({ action }) => action === "trial" || action === "quarantine");
}

function found({ failure, severity, opened, detections, ...target }: HealingCase): string {
  const what = severity === "warning" && failure === "slow" ? "was becoming slow" : (WAS[failure] ?? failure);
  const evidence = detections[0]?.evidence[0];
  return `At ${moment(opened)} ${nameOf(target)} ${what}${evidence ? `: ${lower(evidence)}` : ""}`;
}

function decided({ chosen, why, alternatives, mode }: CaseDecision): string {
  const others = alternatives.map(({ action, why }) => `not ${action}: ${bare(why)}`).join("; ");
  const rest = others ? `. ${upper(others)}` : "";
  if (chosen === NONE) return `Nothing was done: ${bare(why)}${rest}`;
  if (mode === "off") return `${chosen} would fit, but healing before it breaks is off for this failure${rest}`;
  if (mode === "shadow")
    return `${chosen} would have been chosen: ${bare(why)}; healing before it breaks is in shadow mode, so nothing was done${rest}`;
  return `${chosen} was chosen: ${bare(why)}${rest}`;
}

/** The ladder tells its decisions with its acts. */
function isGroundOf({ at, chosen, why }: CaseDecision, { by, decision, ...act }: HealingRecord): boolean {
  return by !== "healer" && at === act.at && decision?.chosen === chosen && decision.why === why;
}

/** Attempts of the ladder on one rung that failed in a row are one step of the story. */
function attempts(acts: readonly HealingRecord[]): HealingRecord[][] {
  const groups: HealingRecord[][] = [];
  for (const act of acts) {
    const last = groups.at(-1)?.[0];
    const same =
      last && isClimbed(last) && isClimbed(act) && last.action === act.action && !last.success && !act.success;
    if (same) groups.at(-1)!.push(act);
    else groups.push([act]);
  }
  return groups;
}

const isClimbed = ({ by, decision, action }: HealingRecord) =>
  by !== "healer" && decision !== undefined && action !== "quarantine";

function climbed(acts: readonly HealingRecord[], asked: boolean): string {
  const [first] = acts as [HealingRecord];
  const ground = isClimbed(first) ? `${chosenBy(first.decision!, acts.length)}. ` : "";
  if (acts.length === 1) return `${ground}${acted(first, asked)}`;
  const times = acts.map(({ duration }) => span(duration)).join(", ");
  return `${ground}${upper(first.action)} did not help, seen after ${times}: ${bare(acts.at(-1)!.reason)}`;
}

function chosenBy({ chosen, why, alternatives }: HealingDecision, times: number): string {
  const others = alternatives.map(({ action, why }) => `not ${action}: ${bare(why)}`).join("; ");
  // How many attempts there are is told by their number here.
  const reason = bare(why).replace(/ \(attempt .*\)$/, "");
  return `${upper(chosen)} was chosen${times > 1 ? ` ${times} times` : ""}: ${reason}${others ? `. ${upper(others)}` : ""}`;
}

function acted(record: HealingRecord, asked: boolean): string {
  const { at, action, target, success, duration, observed } = record;
  if (action === "quarantine") return `It was put into quarantine: ${bare(record.reason)}`;
  const what = asked ? `At ${moment(at)} ${action} of ${nameOf(target)} was asked for. It` : upper(action);
  const reason = newsOf(record);
  const seen = success && observed.after && !reason.includes(observed.after) ? ` (seen: ${observed.after})` : "";
  return `${what} ${success ? "helped" : "did not help"} after ${span(duration)}: ${bare(reason)}${seen}`;
}

/** The reason without its first part where that was told already: why it was done. */
function newsOf({ reason, decision }: HealingRecord): string {
  const [first, ...rest] = reason.split("; ");
  const told = first === "it was asked for" || decision?.why.startsWith(first!);
  return told && rest.length > 0 ? rest.join("; ") : reason;
}

function ended({ outcome, opened, closed, lost, service, node }: HealingCase): string | undefined {
  const after = closed ? ` after ${span(Date.parse(closed) - Date.parse(opened))}` : "";
  const losses =
    lost > 0
      ? `; ${lost === 1 ? "1 call was" : `${lost} calls were`} lost`
      : outcome === "healed"
        ? "; no call was lost, as far as is known"
        : "";
  if (outcome === "open") return `It is not over${losses}`;
  if (outcome === "healed") return `It was over${after}${losses}`;
  if (outcome === "gone") return `It ended by itself${after}${losses}`;
  if (outcome === "given up") return `Nothing that was tried helped; ${service ?? node} needs a person${losses}`;
  if (outcome === "quarantined") return `"azora release ${service ?? node}" tries it again at once${losses}`;
  return undefined;
}

export function nameOf({ service, node }: { service?: string; node?: string }): string {
  return service && node ? `${service} on ${node}` : (service ?? node ?? "something");
}

/** `08:12:03 UTC on 2026-11-20` */
function moment(iso: string): string {
  return `${iso.slice(11, 19)} UTC on ${iso.slice(0, 10)}`;
}

const bare = (text: string) => text.trim().replace(/[.;]+$/, "");
const upper = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
/** A sentence that begins with an article or pronoun goes on after a colon. */
const lower = (text: string) =>
  /^(The|It|At|Its|One|All|An?) /.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
const sentence = (text: string) => `${upper(bare(text))}.`;
