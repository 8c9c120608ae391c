/** Prometheus' text format, version 0.0.4: families of samples, one after the other. */
export class MetricFamilies {
  readonly #lines: string[] = [];

  /** @param samples as `sample` makes them; without any the family is left out */
  add(name: string, type: MetricType, help: string, samples: string[]): void {
    // One by one: of many samples a spread would be too many arguments.
    if (samples.length > 0) this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, samples.join("\n"));
  }

  toString(): string {
    return this.#lines.map((line) => `${line}\n`).join("");
  }
}

export type MetricType = "counter" | "gauge" | "histogram" | "summary";
export type Labels = Record<string, string>;

export function sample(name: string, of: Labels, value: number): string {
  return `${name}{${labels(of)}} ${value}`;
}

export function labels(of: Labels): string {
  return Object.entries(of)
    .map(([key, value]) => `${key}="${escapeLabel(value)}"`)
    .join(",");
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
