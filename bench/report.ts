import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";

export interface Result {
  name: string;
  /** What is measured, in words. */
  measures: string;
  unit: string;
  /** Each side's runs, in the order in which they were made, alternating. */
  runs: Record<string, number[]>;
  medians: Record<string, number>;
  /** By the nearest rank: of few runs the longest. */
  p99?: Record<string, number>;
  /** What the project promises, and whether the medians keep it. */
  goals: { goal: string; value: number; met: boolean }[];
  notes?: string[];
  /** Values along a run, for curves; `every` is the distance of two points. */
  series?: Record<string, number[] | number | string>;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const value = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return round(value);
}

export function round(value: number): number {
  return Math.abs(value) < 10 ? Math.round(value * 1000) / 1000 : Math.round(value * 10) / 10;
}

/** One more run of a side. */
export function add(runs: Record<string, number[]>, side: string, value: number): void {
  runs[side] ??= [];
  runs[side].push(value);
}

export function medians(runs: Record<string, number[]>): Record<string, number> {
  return Object.fromEntries(Object.entries(runs).map(([side, values]) => [side, median(values)]));
}

export function p99s(runs: Record<string, number[]>): Record<string, number> {
  const nearestRank = (values: number[]) => [...values].sort((a, b) => a - b)[Math.ceil(values.length * 0.99) - 1]!;
  return Object.fromEntries(Object.entries(runs).map(([side, values]) => [side, round(nearestRank(values))]));
}

export function goal(text: string, value: number, met: boolean): Result["goals"][number] {
  return { goal: text, value: round(value), met };
}

/** Prints the table and writes the JSON beside it. */
export function publish(result: Result): void {
  console.log(`\n${result.name}: ${result.measures}`);
  const rows = Object.entries(result.runs).map(([side, values]) => ({
    side,
    [`median ${result.unit}`]: result.medians[side],
    ...(result.p99 ? { p99: result.p99[side] } : {}),
    min: round(Math.min(...values)),
    max: round(Math.max(...values)),
    runs: values.length,
  }));
  console.table(rows);
  for (const { goal, value, met } of result.goals) console.log(`${met ? "✔" : "✖"} ${goal}: ${value}`);
  for (const note of result.notes ?? []) console.log(`  ${note}`);
  const folder = join(import.meta.dirname, "results");
  mkdirSync(folder, { recursive: true });
  const machine = {
    cores: cpus().length,
    model: cpus()[0]?.model ?? "",
    memoryGB: Math.round(totalmem() / 1024 ** 3),
    node: process.version,
  };
  writeFileSync(
    join(folder, `${result.name}.json`),
    `${JSON.stringify({ ...result, machine, at: new Date().toISOString() }, null, 2)}\n`,
  );
}
