/** Where an entry was recorded: `data.source` of what nodes have captured. */
export interface Source {
  node: string;
  instance: string;
  epoch: number;
  seq: number;
}

/** Epochs beyond have no date. */
export const MOST_EPOCHS = 2 ** 31;

export function sourceOf(data: Record<string, unknown>): Source | undefined {
  const { node, instance, epoch, seq } = (data["source"] ?? {}) as Record<string, unknown>;
  if (typeof node !== "string" || typeof instance !== "string") return undefined;
  return isCount(epoch) && epoch < MOST_EPOCHS && isCount(seq) ? { node, instance, epoch, seq } : undefined;
}

/** Of an entry that the chain has refused: it tells of that in another entry, with the key `<node>/<instance>/<epoch>/<seq>`. */
export function refusedSource(data: Record<string, unknown>): Source | undefined {
  const { key } = (data["payload"] ?? {}) as { key?: unknown };
  const parts = typeof key === "string" ? /^(.+)\/([^/]+)\/(\d+)\/(\d+)$/.exec(key) : null;
  if (!parts) return undefined;
  const [, node, instance, epoch, seq] = parts;
  return sourceOf({ source: { node, instance, epoch: Number(epoch), seq: Number(seq) } });
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
