/** 0.0031 → "3.1 µs", 12.34 → "12.3 ms", 1500 → "1.5 s" */
export function time(ms: number): string {
  if (ms === 0) return "0 ms";
  if (ms < 0.1) return `${round(ms * 1000)} µs`;
  if (ms < 1000) return `${round(ms)} ms`;
  return `${round(ms / 1000)} s`;
}

/** Of a share, 0 to 1. A dash where there is none. */
export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined || !Number.isFinite(share)) return "-";
  const value = share * 100;
  return `${value > 0 && value < 0.1 ? "<0.1" : value >= 10 || value === 0 ? Math.round(value) : value.toFixed(1)} %`;
}

/** Something a second. */
export function rate(perSecond: number): string {
  if (perSecond === 0) return "0";
  return perSecond >= 100 ? String(Math.round(perSecond)) : perSecond >= 0.1 ? perSecond.toFixed(1) : "<0.1";
}

/** 123 → "123 B", 5e6 → "4.8 MB" */
export function size(bytes: number): string {
  const sign = bytes < 0 ? "-" : "";
  let value = Math.abs(bytes);
  for (const unit of ["B", "KB", "MB"]) {
    if (value < 1024) return `${sign}${round(value)} ${unit}`;
    value /= 1024;
  }
  return `${sign}${round(value)} GB`;
}

/** `2026-11-20 14:03:12` in UTC. */
export function moment(iso: string): string {
  return iso.slice(0, 19).replace("T", " ");
}

function round(value: number): number {
  return value >= 100 ? Math.round(value) : value >= 10 ? Math.round(value * 10) / 10 : Math.round(value * 100) / 100;
}
