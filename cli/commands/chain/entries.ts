import type { Entry } from "../../../tlog/entry.ts";
import { sayEntry } from "../../../tlog/incident/words.ts";
import { paint } from "../../paint.ts";
import { table } from "../../table.ts";

/** An entry as `GET /api/chain/entries` gives it. */
export interface ShownEntry extends Omit<Entry, "blockHeight"> {
  /** Absent until a block has sealed it. */
  blockHeight?: number;
  state: string;
  /** Whether its personal data can still be read, where it has some. */
  personal?: "readable" | "sealed" | "erased";
}

export interface EntryPage {
  entries: ShownEntry[];
  next?: string;
  size: number;
}

export function entryTable(entries: readonly ShownEntry[]): string {
  const rows = entries.map((entry) => [
    String(entry.index),
    entry.timestamp.slice(0, 23).replace("T", " "),
    entry.eventType,
    entry.actor ?? "-",
    entry.subject ?? "-",
    saysOf(entry),
  ]);
  return table(
    [
      { title: "entry", align: "right" },
      { title: "time (UTC)" },
      { title: "type" },
      { title: "by" },
      { title: "about" },
      { title: "says", flexible: true },
    ],
    rows,
  );
}

/** One line, for what comes one by one. */
export function entryLine(entry: ShownEntry): string {
  const by = entry.actor ? ` by ${entry.actor}` : "";
  const about = entry.subject ? ` about ${entry.subject}` : "";
  const head = `${paint("dim", entry.timestamp.slice(11, 23))} ${paint("dim", String(entry.index))}`;
  return `${head} ${paint("cyan", entry.eventType)}${by}${about} ${saysOf(entry)}`;
}

function saysOf(entry: ShownEntry): string {
  if (entry.personal === "erased") return "erased: its key was destroyed";
  if (entry.personal === "sealed") return "sealed: only the operator's token opens it";
  // Type, actor and subject stand beside it already.
  const { actor: _by, subject: _about, ...rest } = entry;
  const words = sayEntry(rest);
  return words.startsWith(`${entry.eventType}`) ? JSON.stringify(entry.data["payload"] ?? entry.data) : words;
}
