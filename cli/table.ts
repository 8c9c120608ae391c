import { stripVTControlCharacters } from "node:util";
import { paint } from "./paint.ts";

export interface Column {
  title: string;
  align?: "left" | "right";
  /** The column that gives way when the terminal is narrow. */
  flexible?: boolean;
}

const GAP = 2;

/** A table as text, no wider than the terminal. Widths are counted without colours. */
export function table(columns: Column[], rows: string[][], width = process.stdout.columns || 200): string {
  const widths = columns.map(({ title }, i) => Math.max(visible(title), ...rows.map((row) => visible(row[i] ?? ""))));
  const total = widths.reduce((sum, one) => sum + one + GAP, -GAP);
  const flexible = columns.findIndex((column) => column.flexible);
  if (total > width && flexible >= 0) widths[flexible] = Math.max(12, widths[flexible]! - (total - width));
  const line = (cells: string[]) =>
    cells
      .map((cell, i) => pad(cut(cell, widths[i]!), widths[i]!, columns[i]!.align ?? "left"))
      .join(" ".repeat(GAP))
      .trimEnd();
  return [paint("dim", line(columns.map(({ title }) => title))), ...rows.map(line)].join("\n");
}

function visible(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}

function cut(text: string, width: number): string {
  if (visible(text) <= width) return text;
  return `${[...stripVTControlCharacters(text)].slice(0, width - 1).join("")}…`;
}

function pad(text: string, width: number, align: "left" | "right"): string {
  const space = " ".repeat(Math.max(0, width - visible(text)));
  return align === "right" ? space + text : text + space;
}

export function bytes(value: number): string {
  return value === 0 ? "-" : `${Math.round(value / 1024 / 1024)} MB`;
}

export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}
