/** Parts of what an alert says. */

export function because(why: string | undefined): string {
  return why ? `: ${why}` : "";
}

export function percent(share: number | null): string {
  return share === null ? "an unknown share" : `${round(share * 100)} %`;
}

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}
